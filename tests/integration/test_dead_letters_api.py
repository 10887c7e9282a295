"""Dead letters over GraphQL: operators page, show, replay and drop them; nobody else learns any."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.app import Hub, open_hub
from hub.config.settings import Settings
from hub.config.systems import load_systems
from hub.events.dead_letter_rows import DeadLetter
from hub.events.dead_letters import DeadLetters, Parking
from hub.model.errors import EventInvalid, OpsHubError
from hub.observe.correlation import correlated
from hub.security.principal import CallerClass, Principal, Role
from hub.security.scope import scope_of
from hub.security.tokens import TokenRules
from hub.store.audit_log import AuditLog
from resolvers.dead_letters import DeadLetterContext
from resolvers.errors import wire_errors
from tests.support.bad_tokens import no_systems
from tests.support.stores import NOON, Watch

PAGE = """
query Page($first: Int!, $after: String, $state: DeadLetterState, $system: String) {
  deadLetters(first: $first, after: $after, state: $state, system: $system) {
    nodes { id }
    edges { cursor node { system via code state } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
ONE = """query One($id: ID!) { deadLetter(id: $id) {
  id system via subject eventId code reason payload isTrusted traceparent tries receivedAt parkedAt
  state endedAt endedBy } }"""
ACT = """mutation Act($ids: [ID!]!, $key: String!) {
  ACTDeadLetters(ids: $ids, reason: "corrected", idempotencyKey: $key) {
    deadLetters { id state endedBy }
    userErrors { field code message retryable system } } }"""
REPLAY, DROP = ACT.replace("ACT", "replay"), ACT.replace("ACT", "drop")


@dataclass
class Desk:
    """A hub with seven letters of two systems, newest last; `broken` are not taken again."""

    hub: Hub
    letters: DeadLetters
    ids: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    async def replay(self, letters: Sequence[DeadLetter]) -> list[OpsHubError | None]:
        return [EventInvalid("wms", "no") if each.id in self.broken else None for each in letters]

    async def ask(
        self, document: str, *roles: Role, units: frozenset[str] | None = None, **variables: Any
    ) -> tuple[Any, list[Any]]:
        ends = datetime.now(UTC) + timedelta(hours=1)
        who = Principal("ann", frozenset(roles), frozenset(), units, None, ends)
        with correlated() as correlation:
            context = DeadLetterContext(
                reads=self.hub.connected.reads.open(scope_of(who), caller=CallerClass.AGENT),
                references=self.hub.connected.references, audit=AuditLog(self.hub.store),
                dead_letters=self.letters, principal=who, system_roles={},
                correlation_id=correlation, started_at=datetime.now(UTC),
            )  # fmt: skip
            answer = await self.hub.engine.execute(document, variables=variables, context=context)
        wires, _ = wire_errors(answer.errors or (), correlation)
        return answer.data, wires


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    systems = load_systems(no_systems(tmp_path), environ={})
    hub = await open_hub(Settings(data_dir=tmp_path), systems, TokenRules(keys={}))
    watch = Watch()
    desk = Desk(hub, DeadLetters(hub.store, now=watch.now))
    desk.letters.replay_by({"NATS": desk.replay})
    try:
        for number in range(7):
            watch.at += timedelta(seconds=1)
            letter = Parking(
                system="wms" if number < 5 else "erp", via="NATS", payload=b"\xff{%d}" % number,
                subject="in.wms.x", is_trusted=True, received_at=NOON, tries=1,
                error=EventInvalid("wms", "no JSON"),
            )  # fmt: skip
            await desk.letters.park([letter])
            desk.ids.append(letter.id)
        yield desk
    finally:
        await hub.close()


async def test_an_operator_pages_from_the_newest_to_the_oldest(desk: Desk) -> None:
    seen, after, pages = [], None, 0
    while True:
        data, errors = await desk.ask(PAGE, Role.OPERATOR, first=3, after=after)
        assert errors == []
        page = data["deadLetters"]
        seen += [each["id"] for each in page["nodes"]]
        assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
        assert page["pageInfo"]["hasPreviousPage"] == (pages > 0)
        after, pages = page["pageInfo"]["endCursor"], pages + 1
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert (seen, pages) == (desk.ids[::-1], 3)


async def test_a_page_is_of_a_system_and_a_state(desk: Desk) -> None:
    await desk.ask(DROP, Role.OPERATOR, ids=desk.ids[:1], key="k")
    pages: list[tuple[dict[str, Any], list[str]]] = [
        ({"system": "erp"}, desk.ids[5:]), ({"state": "DROPPED"}, desk.ids[:1]),
        ({"system": "wms", "state": "PARKED"}, desk.ids[1:5]), ({"system": "crm"}, []),
    ]  # fmt: skip
    for of, expected in pages:
        data, errors = await desk.ask(PAGE, Role.OPERATOR, first=100, **of)
        assert errors == []
        assert [each["id"] for each in data["deadLetters"]["nodes"]] == expected[::-1]


async def test_one_letter_is_shown_whole(desk: Desk) -> None:
    data, errors = await desk.ask(ONE, Role.OPERATOR, id=desk.ids[2])
    assert errors == []
    assert data["deadLetter"] == {
        "id": desk.ids[2], "system": "wms", "via": "NATS", "subject": "in.wms.x", "eventId": None,
        "code": "EVENT_INVALID", "reason": "wms: no JSON", "payload": "\ufffd{2}",
        "isTrusted": True, "traceparent": None, "tries": 1,
        "receivedAt": "2026-03-01T12:00:00+00:00",
        "parkedAt": "2026-03-01T12:00:03+00:00",
        "state": "PARKED", "endedAt": None, "endedBy": None,
    }  # fmt: skip
    data, (error,) = await desk.ask(ONE, Role.OPERATOR, id="none")
    assert (data, error["extensions"]["code"]) == ({"deadLetter": None}, "NOT_FOUND")


async def test_a_replay_tells_what_ended_and_what_did_not(desk: Desk) -> None:
    desk.broken = {desk.ids[1]}
    asked = [desk.ids[1], desk.ids[0], "none"]
    told = [await desk.ask(REPLAY, Role.OPERATOR, ids=asked, key="k") for _ in range(2)]
    assert told[0] == told[1]  # the same key, the same answer, one effect
    data, errors = told[0]
    assert errors == []
    assert data["replayDeadLetters"] == {
        "deadLetters": [
            {"id": desk.ids[1], "state": "PARKED", "endedBy": None},
            {"id": desk.ids[0], "state": "REPLAYED", "endedBy": "ann"},
        ],
        "userErrors": [
            {"field": "ids.0", "code": "EVENT_INVALID", "message": "wms: no",
             "retryable": False, "system": "wms"},
            {"field": "ids.2", "code": "NOT_FOUND", "retryable": False, "system": None,
             "message": "no dead letter 'none' in any connected system"},
        ],
    }  # fmt: skip
    audit = "{ auditEntries { nodes { actor action reason idempotencyKey correlationId } } }"
    data, _ = await desk.ask(audit, Role.AUDITOR)
    (entry,) = data["auditEntries"]["nodes"]
    assert entry.pop("correlationId")
    assert entry == {
        "actor": "ann", "action": "dead_letter.replay", "reason": "corrected",
        "idempotencyKey": "k",
    }  # fmt: skip


async def test_a_drop_ends_letters(desk: Desk) -> None:
    data, errors = await desk.ask(DROP, Role.OPERATOR, ids=desk.ids, key="k")
    assert errors == []
    states = [each["state"] for each in data["dropDeadLetters"]["deadLetters"]]
    assert (states, data["dropDeadLetters"]["userErrors"]) == (["DROPPED"] * 7, [])


@pytest.mark.parametrize("name", ["PAGE", "ONE", "REPLAY", "DROP"])
async def test_nobody_else_sees_or_moves_them(desk: Desk, name: str) -> None:
    document = {"PAGE": PAGE, "ONE": ONE, "REPLAY": REPLAY, "DROP": DROP}[name]
    given: dict[str, dict[str, Any]] = {"PAGE": {"first": 1}, "ONE": {"id": desk.ids[0]}}
    variables = given.get(name, {"ids": desk.ids, "key": "k"})
    others: list[tuple[list[Role], frozenset[str] | None]] = [
        ([role], None) for role in Role if role is not Role.OPERATOR
    ]
    others += [([Role.OPERATOR, Role.CUSTOMER], None), ([Role.OPERATOR], frozenset({"EU"}))]
    for roles, units in others:
        data, errors = await desk.ask(document, *roles, units=units, **variables)
        assert list(data.values()) == [None]
        assert [each["extensions"]["code"] for each in errors] == ["FORBIDDEN"]
    data, _ = await desk.ask(PAGE, Role.OPERATOR, first=100, state="PARKED")
    assert len(data["deadLetters"]["nodes"]) == 7


@pytest.mark.parametrize(
    "document",
    [
        "{ deadLetters(first: 0) { nodes { id } } }",
        '{ deadLetters(after: "x") { nodes { id } } }',
        '{ deadLetters(system: " ") { nodes { id } } }',
        '{ deadLetter(id: "") { id } }',
        REPLAY.replace("$ids,", "[],").replace("$ids: [ID!]!, ", ""),
        DROP.replace('"corrected"', '" "'),
        DROP.replace("$key)", '"")').replace(", $key: String!", ""),
    ],
)
async def test_arguments_out_of_bounds_are_refused(desk: Desk, document: str) -> None:
    data, (error,) = await desk.ask(document, Role.OPERATOR, ids=desk.ids, key="k")
    assert list(data.values()) == [None]
    assert error["extensions"]["code"] == "INPUT_INVALID"


@pytest.mark.parametrize("document", [REPLAY, DROP])
async def test_one_act_is_of_at_most_100(desk: Desk, document: str) -> None:
    ids = [str(number) for number in range(101)]
    data, (error,) = await desk.ask(document, Role.OPERATOR, ids=ids, key="k")
    assert list(data.values()) == [None]
    assert error["extensions"]["code"] == "INPUT_INVALID"
