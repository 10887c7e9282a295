"""Telling outside, as a whole: the demo's portal hears of deliveries once, whatever happens."""

import json
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hub.cli.access import issuer
from hub.config.settings import Settings
from hub.security.principal import Role
from hub.security.tokens import Grant
from tests.e2e.hub_process import RunningHub, end, environment, opshub, running_hub

pytestmark = pytest.mark.timeout(240)  # it starts the hub twice and six systems each time

WITHIN_S = 40.0
FAILED, SENT = "communication.failed", "communication.sent"
TIMELINE = """query($id: ID!) { order(id: $id) { timeline(first: 100) {
  nodes { sequence category type visibility system title message subject { externalId } } } } }"""
FOLLOWED = """subscription($id: ID!) { orderTimeline(orderId: $id) {
  ... on OrderTimelineEvent { node { type visibility subject { externalId } } } } }"""


class Parcel:
    """A shipment under way, or a return, of an order with one number in the whole demo."""

    def __init__(self, hub: RunningHub, key: str, order_number: str) -> None:
        self.key = key
        query = "query($n: String!) { order(number: $n) { id customer { number } } }"
        order = hub.ask(query, n=order_number)["data"]["order"]
        self.order_id, self.customer = order["id"], order["customer"]["number"]

    @property
    def subject(self) -> str:
        return f"shipment/{self.key}"


class Demo:
    """The demo systems of a hub that runs."""

    def __init__(self, hub: RunningHub) -> None:
        self._systems = hub.demo["systems"]

    def parcels(self, hub: RunningHub, count: int) -> list[Parcel]:
        sql = (
            "SELECT id, ltrim(substr(hostOrderNo, 4), '0') FROM shipments WHERE state = 'OUT' AND"
            " way = 'O' AND hostOrderNo > 'SO-0000100140' GROUP BY hostOrderNo ORDER BY id LIMIT ?"
        )
        with closing(sqlite3.connect(self._systems["wms-north"]["database"])) as store:
            return [Parcel(hub, *row) for row in store.execute(sql, (count,))]

    def returned(self, hub: RunningHub) -> Parcel:
        """A return on its way back."""
        sql = "SELECT rmno, orno FROM rmahdr WHERE rmst = '20' AND orno > '100140' LIMIT 1"
        with closing(sqlite3.connect(self._systems["erp-eu"]["database"])) as store:
            return Parcel(hub, *store.execute(sql).fetchone())

    def receive(self, goods: Parcel) -> None:
        self._post("erp-eu", "/__act", move="receive", key=goods.key)

    def deliver(self, parcel: Parcel) -> None:
        self._post("wms-north", "/__act", move="deliver", key=parcel.key)

    def portal_fails(self, status: int, when: str, *, times: int | None = None) -> None:
        self._post(
            "crm", "/__fault", path_prefix="/portal/webhooks", status=status, times=times, when=when
        )

    def notices(self) -> dict[str, dict[str, Any]]:
        """What the portal was told, by subject; one row for each id."""
        asked = f"{self._systems['crm']['url']}/portal/notices"
        rows = httpx2.get(asked, headers={"authorization": "Bearer demo-crm"}).json()["records"]
        assert len({row["subject"] for row in rows}) == len(rows)
        return {row["subject"]: row for row in rows}

    def times(self, parcel: Parcel) -> int:
        return int(self.notices().get(parcel.subject, {"times": 0})["times"])

    def posts(self) -> int:
        calls = httpx2.get(f"{self._systems['crm']['url']}/__stats").json()["calls"]
        return int(calls.get("POST /portal/webhooks", 0))

    def _post(self, system: str, path: str, **body: Any) -> None:
        answer = httpx2.post(self._systems[system]["url"] + path, json=body)
        assert answer.status_code == 200, answer.text


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {WITHIN_S:g} s: {what}"
        time.sleep(0.05)


def told_of(hub: RunningHub, parcel: Parcel, token: str | None = None) -> list[dict[str, Any]]:
    nodes = hub.ask(TIMELINE, token=token, id=parcel.order_id)["data"]["order"]["timeline"]["nodes"]
    return [each for each in nodes if each["subject"]["externalId"] == parcel.key]


def types_of(entries: list[dict[str, Any]]) -> list[str]:
    return [each["type"] for each in entries]


def tries(hub: RunningHub, parcel: Parcel) -> list[str]:
    """The types of the tries, in the order they were recorded."""
    tried = [each for each in told_of(hub, parcel) if each["category"] == "COMMUNICATION"]
    return [each["type"] for each in sorted(tried, key=lambda each: int(each["sequence"]))]


def customer_token(hub: RunningHub, customer: str) -> str:
    grant = Grant(
        subject=customer, roles=[Role.CUSTOMER], customers=[f"erp-eu:{customer}"],
        lifetime=timedelta(hours=1),
    )  # fmt: skip
    return issuer(Settings(data_dir=hub.log.parent / "data"))(grant, datetime.now(UTC))


def following(hub: RunningHub, parcel: Parcel, token: str) -> list[dict[str, Any]]:
    """The entries pushed to a subscriber of the order's timeline, as they come."""
    entries: list[dict[str, Any]] = []
    is_open = threading.Event()
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    body = {"query": FOLLOWED, "variables": {"id": parcel.order_id}}

    def follow() -> None:
        with (
            suppress(httpx2.HTTPError),  # the hub is killed
            httpx2.stream(
                "POST", f"{hub.url}/graphql", json=body, headers=headers, timeout=60.0
            ) as answer,
        ):
            for line in answer.iter_lines():
                is_open.set()  # the snapshot has come
                if line.startswith("data: {"):
                    item = json.loads(line.removeprefix("data: "))["data"]["orderTimeline"]
                    entries.extend(filter(None, [item.get("node")]))

    threading.Thread(target=follow, daemon=True).start()
    assert is_open.wait(WITHIN_S)
    return entries


def dead_letters(folder: Path, *arguments: str) -> dict[str, Any]:
    where = ("--json", "--data-dir", str(folder / "data"))
    done = opshub("dlq", *arguments, *where, cwd=folder, env=environment())
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_portal_is_told_once_through_failures_a_refusal_and_a_kill(tmp_path: Path) -> None:
    with running_hub(tmp_path, "--demo", "--pace", "0") as hub:
        demo = Demo(hub)
        failing, refused, killed = demo.parcels(hub, 3)
        goods = demo.returned(hub)
        demo.receive(goods)
        the_portal_wants_no_more(hub, demo, refused)
        the_failing_one_is_told_again(hub, demo, failing)
        a_person_has_the_refused_one_told(hub, demo, refused, tmp_path)
        the_customer_is_written_to_once(hub, goods)
        assert demo.posts() == 4
        demo.portal_fails(500, "after")
        demo.deliver(killed)
        until(lambda: FAILED in tries(hub, killed), "the first try is recorded")
        before = demo.notices()
        end(hub.process, signal.SIGKILL)
    with running_hub(tmp_path, "--demo", "--pace", "0") as hub:
        demo = Demo(hub)
        until(lambda: SENT in tries(hub, killed), "the hub tells it again after the kill")
        assert set(tries(hub, killed)[:-1]) == {FAILED}
        after = demo.notices()
        assert {each["id"] for each in after.values()} == {each["id"] for each in before.values()}
        assert (demo.times(failing), demo.times(refused), demo.posts()) == (2, 1, 1)
        assert demo.times(killed) >= 2


def the_portal_wants_no_more(hub: RunningHub, demo: Demo, refused: Parcel) -> None:
    demo.portal_fails(410, "before", times=1)
    demo.deliver(refused)
    until(lambda: tries(hub, refused) == [FAILED], "the refused one is given up")
    assert (demo.times(refused), demo.posts()) == (0, 1)


def the_customer_is_written_to_once(hub: RunningHub, goods: Parcel) -> None:
    """The CRM is commanded, keeps the message, and tells of it as of any other."""
    text = f"We have received your return {goods.key}."
    messages = "query($id: ID!) { order(id: $id) { cases { messages { body authorType } } } }"

    def written() -> list[str]:
        cases = hub.ask(messages, id=goods.order_id)["data"]["order"]["cases"]
        sent = [each for case in cases for each in case["messages"]]
        return [each["authorType"] for each in sent if each["body"] == text]

    until(lambda: tries(hub, goods) == [SENT], "the CRM is told")
    until(lambda: written() == ["SYSTEM"], "the message is in the case")
    entries = hub.ask(TIMELINE, id=goods.order_id)["data"]["order"]["timeline"]["nodes"]
    assert [each["message"] for each in entries if each["message"] == text] == [text]


def the_failing_one_is_told_again(hub: RunningHub, demo: Demo, failing: Parcel) -> None:
    """The portal takes it, its answer is lost: it comes again under the same id."""
    customers = customer_token(hub, failing.customer)
    pushed = following(hub, failing, hub.token("agent"))
    outside = following(hub, failing, customers)
    demo.portal_fails(500, "after", times=1)
    demo.deliver(failing)
    until(lambda: tries(hub, failing) == [FAILED, SENT], "both tries are recorded")
    until(lambda: SENT in types_of(pushed), "the subscriber hears of it")
    news = ("shipment.delivered", FAILED, SENT)
    assert [each for each in types_of(pushed) if each in news] == list(news)
    assert [each for each in types_of(outside) if each in news] == ["shipment.delivered"]
    assert (demo.times(failing), demo.posts()) == (2, 3)
    inside = [each for each in told_of(hub, failing) if each["category"] == "COMMUNICATION"]
    assert {(each["visibility"], each["system"]) for each in inside} == {("INTERNAL", "hub")}
    seen = types_of(told_of(hub, failing, customers))
    assert [each for each in seen if each in news] == ["shipment.delivered"]
    record = json.loads(demo.notices()[failing.subject]["body"])["data"]["record"]
    assert record["fields"]["status"] == "DELIVERED"


def a_person_has_the_refused_one_told(
    hub: RunningHub, demo: Demo, refused: Parcel, folder: Path
) -> None:
    (letter,) = dead_letters(folder, "list")["letters"]
    assert (letter["system"], letter["via"], letter["code"]) == (
        "portal", "DELIVERY", "DELIVERY_FAILED",
    )  # fmt: skip
    asked = ("replay", letter["id"], "--reason", "it is back", "--apply")
    assert dead_letters(folder, *asked)["replayed"] == [letter["id"]]
    until(lambda: tries(hub, refused) == [FAILED, SENT], "the portal is told after all")
    assert dead_letters(folder, *asked)["replayed"] == [letter["id"]]  # and nothing is told
    assert demo.times(refused) == 1
