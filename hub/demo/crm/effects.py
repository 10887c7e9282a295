"""What others may tell the CRM to do: write to a customer about an order or a return."""

import sqlite3

from hub.demo.commands import Body, Command
from hub.demo.crm.seed import STATES, stamp
from hub.demo.database import Row, fetch_one, insert
from hub.demo.formats import now
from hub.demo.gate import NativeError
from hub.demo.life import Changed

TEXT_MAX = 2_000  # characters of a message
AUTHOR = "operations"

_OF_RETURN = "SELECT * FROM cases WHERE rmaNo = ? AND company = ? AND state <> ?"
_OF_ORDER = "SELECT * FROM cases WHERE orderNo = ? AND company = ? AND state <> ?"
_LATEST = " ORDER BY openedAt DESC, caseNo DESC LIMIT 1"


def _add_message(connection: sqlite3.Connection, body: Body) -> Row:
    """Into the case about the return, else about the order, else a new one."""
    text = body.get("text")
    if not isinstance(text, str) or not 0 < len(text) <= TEXT_MAX:
        raise NativeError(422, f"text of 1 to {TEXT_MAX} characters is required")
    at = stamp(now())
    case, is_new = _case(connection, body)
    if is_new:
        insert(connection, "cases", [case])
    counted = fetch_one(
        connection, "SELECT count(*) AS n FROM messages WHERE caseNo = ?", case["caseNo"]
    )
    message = f"{case['caseNo']}-{(counted['n'] if counted else 0) + 1}"
    insert(connection, "messages", [{
        "id": message, "caseNo": case["caseNo"], "author": AUTHOR, "authorKind": "system",
        "audience": "public", "via": "email", "body": text, "sentAt": at,
    }])  # fmt: skip
    connection.execute("UPDATE cases SET updatedAt = ? WHERE caseNo = ?", (at, case["caseNo"]))
    return {"messageId": message, "caseNo": case["caseNo"], "isNewCase": is_new}


def _case(connection: sqlite3.Connection, body: Body) -> tuple[Row, bool]:
    """The case to write into, and whether it has to be opened."""
    company, order, rma = (body.get(name) for name in ("company", "order", "rma"))
    if company is None or (order is None and rma is None):
        raise NativeError(422, "company and order or rma are required")
    for sql, key in ((_OF_RETURN, rma), (_OF_ORDER, order)):
        found = fetch_one(connection, sql + _LATEST, key, company, STATES["CLOSED"])
        if found is not None:
            return found, False
    return _opened(connection, (company, order, rma)), True


def _opened(connection: sqlite3.Connection, about: tuple[object, object, object]) -> Row:
    """A case nobody has to answer; its account is the one earlier cases of the order name."""
    company, order, rma = about
    last = fetch_one(connection, "SELECT max(CAST(caseNo AS INTEGER)) AS n FROM cases")
    earlier = fetch_one(
        connection,
        "SELECT account, contact FROM cases WHERE orderNo = ? AND company = ?" + _LATEST,
        order, company,
    )  # fmt: skip
    at = stamp(now())
    return {
        "caseNo": str((last["n"] if last else 0) + 1), "subject": "About your order",
        "kind": "information", "prio": "P4", "state": STATES["SOLVED"], "queue": "notices",
        "owner": None, "account": earlier and earlier["account"], "company": company,
        "orderNo": order, "rmaNo": rma, "contact": earlier and earlier["contact"],
        "openedAt": at, "firstReplyAt": at, "resolvedAt": at, "dueAt": None, "updatedAt": at,
    }  # fmt: skip


def _told(answer: Row) -> Changed:
    return Changed("open" if answer["isNewCase"] else "comment", "case", answer["caseNo"])


COMMANDS = (Command("/messages", "message", _add_message, needs_reference=True, told=_told),)
