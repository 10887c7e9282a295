"""The demo systems' moves: all of them happen, legally, and every change has its stamp.

The six live in this process, with the paper between them, until every move has been made.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

import pytest

from hub.demo.database import Row, connect, fetch, seed_once
from hub.demo.formats import now
from hub.demo.life import Birth, Changed, Kind, Living, NotNow
from hub.demo.plan import build_plan
from hub.demo.post import Post
from hub.demo.roster import SYSTEMS, database_file

SEED = 20261121
ROUNDS_MAX = 6_000
"""Rounds of one tick each within which every move must have been made; 1,500 do as a rule."""
MAY_BE_MISSING = {"lapse"}
"""Depends on the day the test is run: seeded returns expire in November 2026."""

LEGAL: Mapping[str, Mapping[str, set[str]]] = {
    "order": {
        "DRAFT": {"OPEN"},
        "OPEN": {"CONFIRMED", "ON_HOLD", "CANCELLED"},
        "CONFIRMED": {"ON_HOLD", "IN_FULFILLMENT", "CANCELLED"},
        "ON_HOLD": {"CONFIRMED", "CANCELLED"},
        "IN_FULFILLMENT": {"ON_HOLD", "COMPLETED"},
    },
    "line": {
        "PENDING": {"ALLOCATED", "BACKORDERED", "CANCELLED"},
        "BACKORDERED": {"ALLOCATED", "CANCELLED"},
        "ALLOCATED": {"RELEASED", "CANCELLED"},
        "RELEASED": {"PICKING"},
        "PICKING": {"PICKED", "SHORT_PICKED"},
        "SHORT_PICKED": {"BACKORDERED", "RELEASED"},
        "PICKED": {"PACKED"},
        "PACKED": {"SHIPPED"},
        "SHIPPED": {"DELIVERED"},
        "ON_HOLD": {"PENDING", "CANCELLED"},
    },
    "invoice": {
        "POSTED": {"PARTIALLY_PAID", "PAID", "DISPUTED"},
        "PARTIALLY_PAID": {"PAID"},
        "DISPUTED": {"PAID"},
    },
    "credit-memo": {"POSTED": {"APPLIED"}},
    "return": {
        "REQUESTED": {"PENDING_REVIEW", "AUTHORIZED", "CANCELLED"},
        "PENDING_REVIEW": {"AUTHORIZED", "DECLINED", "CANCELLED"},
        "AUTHORIZED": {"IN_TRANSIT", "EXPIRED"},
        "IN_TRANSIT": {"PARTIALLY_RECEIVED", "RECEIVED"},
        "PARTIALLY_RECEIVED": {"RECEIVED"},
        "RECEIVED": {"INSPECTED"},
        "INSPECTED": {"DISPOSITIONED"},
        "DISPOSITIONED": {"CREDIT_PENDING"},
        "CREDIT_PENDING": {"CREDITED"},
        "CREDITED": {"CLOSED"},
    },
    "shipment": {
        "NEW": {"PICKING"},
        "PICKING": {"SHORT", "PACKED"},
        "SHORT": {"PACKED"},
        "PACKED": {"LABEL_CREATED"},
        "LABEL_CREATED": {"PRE_TRANSIT", "IN_TRANSIT"},
        "PRE_TRANSIT": {"IN_TRANSIT"},
        "IN_TRANSIT": {"DELIVERED", "EXCEPTION"},
        "EXCEPTION": {"IN_TRANSIT"},
    },
    "parcel": {
        "LABEL_CREATED": {"PICKED_UP"},
        "PICKED_UP": {"IN_TRANSIT"},
        "IN_TRANSIT": {"DELAYED", "OUT_FOR_DELIVERY", "EXCEPTION"},
        "DELAYED": {"IN_TRANSIT"},
        "EXCEPTION": {"IN_TRANSIT"},
        "OUT_FOR_DELIVERY": {"DELIVERY_ATTEMPTED", "DELIVERED"},
        "DELIVERY_ATTEMPTED": {
            "OUT_FOR_DELIVERY", "AVAILABLE_FOR_PICKUP", "RETURN_TO_SENDER",
        },
        "AVAILABLE_FOR_PICKUP": {"DELIVERED"},
    },
    "case": {
        "NEW": {"OPEN"},
        "OPEN": {"PENDING_CUSTOMER", "ON_HOLD", "SOLVED"},
        "PENDING_CUSTOMER": {"OPEN"},
        "ON_HOLD": {"OPEN"},
        "SOLVED": {"OPEN", "CLOSED"},
    },
}  # fmt: skip
"""The state machines; what is not listed is over."""
TOPICS = {"order_line": "line", "order-line": "line", "credit_memo": "credit-memo"}


@dataclass
class World:
    """All six as they are after the run, and what was seen of it."""

    connections: Mapping[str, sqlite3.Connection]
    began: datetime
    before: Mapping[str, Mapping[str, Row]]
    moves: Mapping[str, Counter[str]]
    unstamped: list[Changed] = field(default_factory=list)
    idle: int = 0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data_dir = tmp_path_factory.mktemp("life")
    post = Post(data_dir)
    connections = {name: _seeded(data_dir, name) for name in SYSTEMS}
    lives = {
        name: Living(SYSTEMS[name].life, connection, dice=Random(SEED), post=post)
        for name, connection in connections.items()
    }
    seen = World(
        connections, now().replace(microsecond=0),
        {name: _rows(name, each) for name, each in connections.items()},
        {name: Counter() for name in SYSTEMS},
    )  # fmt: skip
    _live(seen, lives)
    yield seen
    for connection in connections.values():
        connection.close()
    post.close()


def _seeded(data_dir: Path, name: str) -> sqlite3.Connection:
    path = database_file(data_dir, name)
    assert seed_once(path, SYSTEMS[name], build_plan)
    connection = connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("CREATE TEMP TABLE walked (kind TEXT, before, after)")
    for kind in _kinds(name):
        if kind.status:
            connection.execute(
                f"CREATE TEMP TRIGGER walked_{kind.table} AFTER UPDATE OF {kind.status}"
                f" ON main.{kind.table} WHEN OLD.{kind.status} IS NOT NEW.{kind.status}"
                f" BEGIN INSERT INTO walked VALUES ('{kind.table}', OLD.{kind.status},"
                f" NEW.{kind.status}); END"
            )
    return connection


def _kinds(name: str) -> list[Kind]:
    """One for each table; credit memos of erp-eu share theirs with its invoices."""
    by_table: dict[str, Kind] = {}
    for move in SYSTEMS[name].life.moves:
        by_table.setdefault(move.kind.table, move.kind)
    return list(by_table.values())


def _rows(name: str, connection: sqlite3.Connection) -> Mapping[str, Row]:
    return {
        f"{kind.table} {'/'.join(str(row[key]) for key in kind.key)}": row
        for kind in _kinds(name)
        for row in fetch(connection, f"SELECT * FROM {kind.table}")
    }


def _live(seen: World, lives: Mapping[str, Living]) -> None:
    wanted = {name: set(life.names) - MAY_BE_MISSING for name, life in lives.items()}
    for _ in range(ROUNDS_MAX):
        for name, life in lives.items():
            changes = life.tick()
            seen.idle += not changes
            seen.moves[name].update({change.move for change in changes})
            seen.unstamped += [each for each in changes if not _is_stamped(seen, name, each)]
        if all(wanted[name] <= set(seen.moves[name]) for name in lives):
            return


def _is_stamped(seen: World, name: str, changed: Changed) -> bool:
    """Whether the record's stamp is of this run; a late scan says that it is older."""
    kind = next(e.kind for e in SYSTEMS[name].life.moves if e.kind.name == changed.kind)
    tests = " || '/' || ".join(kind.key)
    sql = f"SELECT {kind.stamp} AS stamp FROM {kind.table} WHERE {tests} = ?"
    (row,) = fetch(seen.connections[name], sql, changed.key)
    return changed.move == "late_scan" or row["stamp"] >= (kind.write_stamp(seen.began) or "")


def test_every_move_is_made(world: World) -> None:
    missing = {
        name: set(SYSTEM_MOVES[name]) - set(made) - MAY_BE_MISSING
        for name, made in world.moves.items()
    }
    assert missing == {name: set() for name in SYSTEMS}, f"seed {SEED}"
    assert world.idle == 0


SYSTEM_MOVES = {name: [move.name for move in system.life.moves] for name, system in SYSTEMS.items()}


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_only_legal_steps_are_taken(world: World, name: str) -> None:
    walked = fetch(world.connections[name], "SELECT DISTINCT kind, before, after FROM walked")
    assert walked
    kinds = {kind.table: kind for kind in _kinds(name)}
    for step in walked:
        kind = kinds[step["kind"]]
        words = {str(code): word for word, code in kind.codes.items()}
        before, after = words[str(step["before"])], words[str(step["after"])]
        assert after in LEGAL[TOPICS.get(kind.name, kind.name)].get(before, set()), step


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_every_change_sets_its_stamp(world: World, name: str) -> None:
    """Whatever is not as it was has a stamp of this run, told or not."""
    assert world.unstamped == []
    kinds = {kind.table: kind for kind in _kinds(name)}
    changed = 0
    for key, row in _rows(name, world.connections[name]).items():
        kind = kinds[key.partition(" ")[0]]
        if row != world.before[name].get(key) and kind.table != "scans":
            changed += 1
            assert row[kind.stamp] >= (kind.write_stamp(world.began) or ""), key
    assert changed > 50


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_the_poller_has_an_index_on_stamp_and_key(world: World, name: str) -> None:
    for kind in _kinds(name):
        order = ", ".join((kind.stamp, *kind.key))
        sql = f"EXPLAIN QUERY PLAN SELECT * FROM {kind.table} WHERE {kind.stamp} >= '2' ORDER BY"
        plan = " ".join(row["detail"] for row in fetch(world.connections[name], f"{sql} {order}"))
        if kind.table not in UNPOLLED:
            assert "USING INDEX" in plan and "TEMP B-TREE" not in plan, (kind.table, plan)


UNPOLLED = {"receipts", "inspections", "dispositions"}
"""Told over NATS alone."""


def test_nothing_contradicts_itself_in_an_erp(world: World) -> None:
    european = """SELECT * FROM ordlin WHERE qdlv > qshp OR qshp > qpak OR qpak > qpck
        OR qpck > qord - qcan OR lnst = '66' AND qshp = 0"""
    american = """SELECT * FROM order_lines WHERE delivered > shipped OR shipped > packed
        OR packed > picked OR picked > quantity - cancelled OR status = 'Shipped' AND shipped = 0"""
    returned = """SELECT * FROM rmalin WHERE qcrd > qacc OR qacc > qrcv OR qrcv > qaut
        OR qaut > qreq"""
    billed = """SELECT ordlin.* FROM ordlin WHERE qshp < (SELECT coalesce(sum(qivd), 0)
        FROM invlin JOIN invhdr USING (ivno) WHERE ivty = 'I' AND invhdr.orno = ordlin.orno
        AND invlin.lnno = ordlin.lnno)"""
    over = """SELECT * FROM ordhdr WHERE orst = '90' AND EXISTS (SELECT 1 FROM ordlin l
        WHERE l.orno = ordhdr.orno AND l.lnst NOT IN ('77', '99'))"""
    assert fetch(world.connections["erp-us"], american) == []
    for sql in (european, returned, billed, over):
        assert fetch(world.connections["erp-eu"], sql) == []


def test_nothing_contradicts_itself_elsewhere(world: World) -> None:
    journeys = """SELECT * FROM shipments WHERE deliveredAt < shippedAt OR shippedAt < createdAt
        OR state = 'DLV' AND deliveredAt IS NULL"""
    shelves = "SELECT * FROM stock WHERE onHand < 0 OR allocated < 0 OR qcHold < 0"
    cases = """SELECT * FROM cases WHERE (state IN ('resolved', 'closed')) <>
        (resolvedAt IS NOT NULL)"""
    assert fetch(world.connections["wms-north"], journeys) == []
    assert fetch(world.connections["wms-north"], shelves) == []
    assert fetch(world.connections["crm"], cases) == []


def test_what_one_system_ordered_another_did(world: World) -> None:
    """New shipments are of orders the ERPs know, new parcels of shipments the warehouses know."""
    orders = {row["orno"] for row in fetch(world.connections["erp-eu"], "SELECT orno FROM ordhdr")}
    shipped = fetch(world.connections["wms-north"], "SELECT id, hostOrderNo AS no FROM shipments")
    assert {row["no"].removeprefix("SO-").lstrip("0") for row in shipped} <= orders
    parcels = fetch(
        world.connections["carrier"], "SELECT reference FROM trackings WHERE shipper = 'NORTH'"
    )
    assert {row["reference"] for row in parcels} <= {row["id"] for row in shipped}
    assert len(parcels) > 1191


@pytest.mark.parametrize(
    ("name", "move", "key", "why"),
    [
        ("wms-north", "ship", "N1", "ship begins at LBL .* shipment N1 is not there now"),
        ("crm", "fly", None, "no move is called fly; there are open, assign"),
        ("carrier", "late_scan", "0", "there is no parcel 0"),
    ],
)
def test_a_move_that_cannot_be_made_says_why(
    world: World, name: str, move: str, key: str | None, why: str, tmp_path: Path
) -> None:
    post = Post(tmp_path)
    life = Living(SYSTEMS[name].life, world.connections[name], dice=Random(SEED), post=post)
    with pytest.raises(NotNow, match=why):
        life.act(move, key)
    post.close()


def test_growth_ends_and_life_goes_on(world: World, tmp_path: Path) -> None:
    """A table that is full makes no more; the other moves are made as before."""
    birth = next(e for e in SYSTEMS["crm"].life.moves if isinstance(e, Birth))
    full = Birth(birth.name, _with_rows_max(birth.kind, 1), birth.make, weight=1000)
    post = Post(tmp_path)
    moves = tuple(e for e in SYSTEMS["crm"].life.moves if e is not birth)
    life = type(SYSTEMS["crm"].life)((full, *moves), SYSTEMS["crm"].life.write_moment)
    living = Living(life, world.connections["crm"], dice=Random(SEED), post=post)
    made = {change.move for _ in range(40) for change in living.tick()}
    post.close()
    assert "open" not in made
    assert len(made) > 3


def _with_rows_max(kind: Kind, rows: int) -> Kind:
    return Kind(kind.name, kind.table, kind.key, kind.stamp, kind.write_stamp, kind.status,
                kind.codes, rows)  # fmt: skip
