"""Documents and bodies made to hurt: each is refused with its code, and others hardly notice."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import httpx2
import orjson
import pytest
from graphql import get_introspection_query

from hub.security.principal import Role
from resolvers.errors import ANSWER_BYTES_MAX
from tests.e2e.hub_process import RunningHub
from tests.support.attack_documents import ATTACKS, Attack, bodies

pytestmark = pytest.mark.timeout(180)  # the first test starts the hub and six systems

# Two attackers keep the hub's only event loop busy: a canary waits for a document of each, of at
# most 50 ms of CPU, and then runs itself, so that half of them must be back within 150 ms. The
# slowest one depends on more than the hub: six demo systems, the attackers and this test share the
# two cores, and one pause of the scheduler is 100 ms. So it may take longer, but not so long that
# one expensive document among all the cheap ones could hide. One more round is for a machine that
# was busy with something else in the first; there is no third.
MEDIAN_S_MAX = 0.150
SLOWEST_S_MAX = 0.500
CANARIES = 25  # a round
ROUNDS = 2
ATTACKERS = 2

STRICT = "application/graphql-response+json"
CANARY = "query ($n: String!) { order(number: $n) { number status customer { name } } }"
BODIES = dict(bodies())


def _headers(hub: RunningHub, role: str, **more: str) -> dict[str, str]:
    said = {"Content-Type": "application/json", "Accept": STRICT}
    return {"Authorization": f"Bearer {hub.token(role)}"} | said | more


def _content(attack: Attack) -> bytes:
    return orjson.dumps({"query": attack.query, "variables": attack.variables})


def _codes(response: httpx2.Response) -> set[str]:
    answer = response.json()
    assert "data" not in answer
    assert len(response.content) <= ANSWER_BYTES_MAX, "an error costs its sender more than us"
    return {error["extensions"]["code"] for error in answer["errors"]}


@pytest.mark.parametrize("role", ["agent", "analyst"])
def test_every_attack_is_refused_with_its_code(demo_hub: RunningHub, role: str) -> None:
    with httpx2.Client(base_url=demo_hub.url, headers=_headers(demo_hub, role)) as client:
        for attack in ATTACKS:
            response = client.post("/graphql", content=_content(attack), timeout=15)
            assert response.status_code == 400, attack.name
            assert _codes(response) == {attack.code}, attack.name


@pytest.mark.parametrize("name", BODIES)
def test_a_body_without_a_document_is_refused(demo_hub: RunningHub, name: str) -> None:
    body = BODIES[name]
    headers = _headers(demo_hub, "agent")
    response = httpx2.post(f"{demo_hub.url}/graphql", content=body, headers=headers, timeout=15)
    assert response.status_code in ((413,) if len(body) > 1_000_000 else (400, 413))
    assert _codes(response) == {"BODY_INVALID"}


def test_a_body_without_a_length_is_cut_off_too(demo_hub: RunningHub) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(80):
            yield b" " * 65_536

    try:
        response = httpx2.post(
            f"{demo_hub.url}/graphql", content=endless(), headers=_headers(demo_hub, "agent"),
            timeout=15,
        )  # fmt: skip
    except (httpx2.WriteError, httpx2.RemoteProtocolError, httpx2.ReadError):
        return  # the hub has closed the connection before all of it was sent
    assert response.status_code == 413


@contextmanager
def attacked(hub: RunningHub) -> Iterator[list[int]]:
    """Attackers send everything again and again, each time as a text not seen before.

    Each turn is of another subject: the budget of one would soon turn all of it away with 429.
    """
    statuses: list[int] = []
    is_over = threading.Event()
    encoded = [each.query for each in ATTACKS], [each.variables for each in ATTACKS]

    def attack(place: int) -> None:
        role = (Role.ANALYST, Role.AGENT)[place % 2]
        with httpx2.Client(base_url=hub.url, headers=_headers(hub, role.value)) as client:
            client.timeout = httpx2.Timeout(15)
            turn = 0
            while not is_over.is_set():
                turn += 1
                attacker = hub.token_of(f"attacker {place} {turn}", role)
                client.headers["Authorization"] = f"Bearer {attacker}"
                for query, variables in zip(*encoded, strict=True):
                    told = {"query": f"{query}\n#{place} {turn}", "variables": variables}
                    statuses.append(client.post("/graphql", content=orjson.dumps(told)).status_code)
                    if is_over.is_set():
                        return
                for body in BODIES.values():
                    statuses.append(client.post("/graphql", content=body).status_code)

    threads = [threading.Thread(target=attack, args=(place,)) for place in range(ATTACKERS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        is_over.set()
        for thread in threads:
            thread.join(timeout=20)


def test_a_canary_beside_the_attacks_stays_quick(demo_hub: RunningHub) -> None:
    number = demo_hub.demo["orders"]["delivered"]
    body = orjson.dumps({"query": CANARY, "variables": {"n": number}})
    with (
        httpx2.Client(base_url=demo_hub.url, headers=_headers(demo_hub, "agent")) as client,
        attacked(demo_hub) as statuses,
    ):
        for _ in range(ROUNDS):
            waits = []
            for _ in range(CANARIES):
                begun = time.perf_counter()
                response = client.post("/graphql", content=body, timeout=15)
                waits.append(time.perf_counter() - begun)
                assert response.json()["data"]["order"]["number"] == number
                time.sleep(0.01)
            usual, slowest = median(waits), max(waits)
            print(f"\n  canary: median {usual * 1e3:.0f} ms, slowest {slowest * 1e3:.0f} ms")
            if usual < MEDIAN_S_MAX and slowest < SLOWEST_S_MAX:
                break
    print(f"  beside {len(statuses)} attacks")
    assert usual < MEDIAN_S_MAX
    assert slowest < SLOWEST_S_MAX
    assert len(statuses) > CANARIES, "the attack has not come through"
    assert set(statuses) <= {400, 413}


def test_who_sends_new_documents_without_end_is_turned_away(demo_hub: RunningHub) -> None:
    """Refused ones cost too; what the hub knows costs one unit, and others do not notice."""
    said = _headers(demo_hub, "agent")
    said["Authorization"] = f"Bearer {demo_hub.token_of('never the same', Role.ANALYST)}"
    statuses: list[int] = []
    with httpx2.Client(base_url=demo_hub.url, headers=said) as client:
        begun = time.monotonic()
        while 429 not in statuses and len(statuses) < 1_000:
            told = {"query": f"{{ nothing{len(statuses)} }}"}
            response = client.post("/graphql", json=told, timeout=15)
            statuses.append(response.status_code)
        passed_s = time.monotonic() - begun
        assert 200 <= len(statuses) - 1 <= (4_000 + 200 * passed_s) / 20 + 1
        assert set(statuses) == {400, 429}
        (error,) = response.json()["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert int(response.headers["retry-after"]) == 1
        time.sleep(1)
        assert (
            client.post("/graphql", json={"query": "{ nothing0 }"}, timeout=15).status_code == 400
        )
    assert demo_hub.ask("{ __typename }")["data"] == {"__typename": "Query"}


@pytest.mark.parametrize("role", ["analyst", "operator", "agent"])
def test_introspection_passes_for_those_who_may(demo_hub: RunningHub, role: str) -> None:
    """In the development profile agents may too; GraphiQL sends exactly this."""
    query = get_introspection_query(
        specified_by_url=True, directive_is_repeatable=True, schema_description=True,
        input_value_deprecation=True,
    )  # fmt: skip
    answer = demo_hub.ask(query, token=demo_hub.token(role))
    assert {each["name"] for each in answer["data"]["__schema"]["types"]} >= {"Order", "Rma"}


def _customer(hub: RunningHub) -> str:
    """The token of a customer whom no other story asks as."""
    return str(hub.demo["tokens"][hub.demo["customers"][-1]])


def test_a_customer_is_neither_shown_the_schema_nor_told_of_it(demo_hub: RunningHub) -> None:
    headers = {"Authorization": f"Bearer {_customer(demo_hub)}", "Accept": STRICT}
    for query, code in (
        ("{ __schema { types { name } } }", "INTROSPECTION_DISABLED"),
        ('{ ...a } fragment a on Query { t: __type(name: "Order") { name } }',
         "INTROSPECTION_DISABLED"),
        ("{ ordr { number } }", "DOCUMENT_INVALID"),
        ("{ me }", "DOCUMENT_INVALID"),
    ):  # fmt: skip
        response = httpx2.post(f"{demo_hub.url}/graphql", json={"query": query}, headers=headers)
        assert _codes(response) == {code}
        assert "Did you mean" not in response.text
    answer = demo_hub.ask("{ __typename }", token=_customer(demo_hub))
    assert answer["data"] == {"__typename": "Query"}


def test_every_answer_says_what_it_cost(demo_hub: RunningHub) -> None:
    number = demo_hub.demo["orders"]["delivered"]
    cost = demo_hub.ask(CANARY, n=number)["extensions"]["cost"]
    assert set(cost) == {"requested", "actual", "remaining", "perSystem"}
    assert 0 <= cost["actual"] <= cost["requested"] <= 100
    assert cost["remaining"] <= 10_000


def test_who_asks_too_much_waits_and_is_told_how_long(demo_hub: RunningHub) -> None:
    answers: list[httpx2.Response] = []

    def search(place: int) -> None:
        headers = {"Authorization": f"Bearer {_customer(demo_hub)}"}
        with httpx2.Client(base_url=demo_hub.url, headers=headers, timeout=15) as client:
            for turn in range(150):
                query = " ".join(
                    f'a{each}: search(text: "no such {place} {turn} {each}") {{ hits {{ field }} }}'
                    for each in range(8)
                )
                answers.append(client.post("/graphql", json={"query": f"{{ {query} }}"}))
                if any(each.status_code == 429 for each in answers):
                    return

    threads = [threading.Thread(target=search, args=(place,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = next(each for each in answers if each.status_code == 429)
    assert {each.status_code for each in answers} == {200, 429}
    (error,) = refused.json()["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert error["extensions"]["retryable"] is True
    assert "data" not in refused.json()
    wait_s = int(refused.headers["retry-after"])
    assert 1 <= wait_s <= 30
    agent = demo_hub.ask("{ __typename }")
    assert agent["data"] == {"__typename": "Query"}, "nobody else waits"
    time.sleep(wait_s)
    again: dict[str, Any] = demo_hub.ask("{ __typename }", token=_customer(demo_hub))
    assert again["data"] == {"__typename": "Query"}
