"""What is written in the CRM, and how it says so: signed webhooks."""

import sqlite3
from datetime import timedelta

from hub.demo.collection import record_of
from hub.demo.crm.api import COLLECTIONS
from hub.demo.crm.seed import STATES, stamp
from hub.demo.database import Row
from hub.demo.formats import now
from hub.demo.life import Birth, Changed, Kind, Life, Move, NotNow, Scene, Then
from hub.demo.telling import Message, Voice

CASE = Kind("case", "cases", ("caseNo",), "updatedAt", stamp, "state", STATES)
AGENTS = ("ines.roth", "karl.lund", "beth.moss", "omar.diaz")
ASKED = ("Could you please look into this?", "We need an answer today.", "Any news?")
ANSWERED = ("We have asked the warehouse and will come back to you.",
            "The parcel is with the carrier; see the tracking page.")  # fmt: skip
NOTED = ("Warehouse says the bin was empty at count.", "Called back, nobody answered.")
DUE = timedelta(days=2)
MESSAGES_PER_CASE_MAX = 60
FEW = f"(SELECT count(*) FROM messages m WHERE m.caseNo = cases.caseNo) < {MESSAGES_PER_CASE_MAX}"
SIGNATURE_HEADER = "X-Crm-Signature"


def _open(scene: Scene, key: str | None) -> None:
    """A customer writes again about what one of their earlier cases was about."""
    sql = "SELECT * FROM cases WHERE caseNo = ?" if key is not None else (
        "SELECT * FROM cases WHERE orderNo IS NOT NULL AND rowid >= abs(random())"
        " % (SELECT max(rowid) FROM cases) LIMIT 1"
    )  # fmt: skip
    model = scene.one(sql, *([] if key is None else [key]))
    if model is None:
        raise NotNow(f"open: no case {key or 'with an order'} to begin from")
    last = scene.one("SELECT max(CAST(caseNo AS INTEGER)) AS n FROM cases")
    case = scene.add(CASE, model | {
        "caseNo": str((last["n"] if last else 0) + 1), "state": STATES["NEW"], "owner": None,
        "openedAt": stamp(scene.at), "firstReplyAt": None, "resolvedAt": None,
        "dueAt": stamp(scene.at + DUE),
    })  # fmt: skip
    _write(scene, case, ("contact", "public", scene.rng.choice(ASKED)))


def _write(scene: Scene, case: Row, what: tuple[str, str, str]) -> None:
    kind, audience, body = what
    counted = scene.one("SELECT count(*) AS n FROM messages WHERE caseNo = ?", case["caseNo"])
    author = case["contact"] if kind == "contact" else case["owner"] or AGENTS[0]
    scene.add_parts("messages", [{
        "id": f"{case['caseNo']}-{(counted['n'] if counted else 0) + 1}",
        "caseNo": case["caseNo"], "author": author, "authorKind": kind, "audience": audience,
        "via": "note" if audience == "note" else "email", "body": body, "sentAt": stamp(scene.at),
    }])  # fmt: skip


def _assign(scene: Scene, case: Row) -> None:
    scene.change(CASE, case, {"owner": scene.rng.choice(AGENTS)})


def _answer(scene: Scene, case: Row) -> None:
    first = case["firstReplyAt"] or stamp(scene.at)
    scene.change(CASE, case, {"firstReplyAt": first})
    _write(scene, case, ("user", "public", scene.rng.choice(ANSWERED)))


def _says(kind: str, audience: str, words: tuple[str, ...]) -> Then:
    return lambda scene, case: _write(scene, case, (kind, audience, scene.rng.choice(words)))


ASKS, NOTES = _says("contact", "public", ASKED), _says("user", "note", NOTED)
LIFE = Life(
    (
        Birth("open", CASE, _open, weight=3),
        Move("assign", CASE, ("NEW",), "OPEN", then=_assign),
        Move("answer", CASE, ("OPEN",), "PENDING_CUSTOMER", then=_answer, when=FEW),
        Move("customer_writes", CASE, ("PENDING_CUSTOMER",), "OPEN", then=ASKS, when=FEW),
        Move("note", CASE, ("OPEN", "ON_HOLD"), then=NOTES, when=FEW, weight=4),
        Move("comment", CASE, ("OPEN", "NEW"), then=ASKS, when=FEW, weight=4),
        Move("park", CASE, ("OPEN",), "ON_HOLD", weight=2),
        Move("unpark", CASE, ("ON_HOLD",), "OPEN", weight=2),
        Move("solve", CASE, ("OPEN",), "SOLVED", ("resolvedAt",), weight=5),
        Move("reopen", CASE, ("SOLVED",), "OPEN", sets={"resolvedAt": "NULL"}, then=ASKS, weight=1),
        Move("close", CASE, ("SOLVED",), "CLOSED", weight=3),
    ),
    stamp,
)
COMMENTS = frozenset({"note", "comment"})
CASES = next(each for each in COLLECTIONS if each.path == "/cases")


def _say(connection: sqlite3.Connection, changed: Changed) -> Message | None:
    """The whole case where its state changed; of a comment only where it was written."""
    event = {"occurredAt": stamp(now())}
    if changed.move in COMMENTS:
        body = {"event": "comment.added", "caseNo": changed.key, **event}
        return Message("case", body, "id", "caseNo")
    name = "case.opened" if changed.move == "open" else "case.updated"
    record = record_of(connection, CASES, changed.key)
    return Message("case", {"event": name, "case": record, **event}, "id", "case")


VOICE = Voice("webhook", _say, SIGNATURE_HEADER)
