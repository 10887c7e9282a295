"""Tables of the CRM and its share of the plan. Instants carry their offset, which is UTC."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime

from hub.demo.database import Row, insert
from hub.demo.formats import in_utc
from hub.demo.plan.records import Case, Plan
from hub.demo.plan.when import HISTORY_DAYS, days_before_reference

COMPANIES = {"erp-eu": "01", "erp-us": "02"}
STATES = {
    "NEW": "new", "OPEN": "working", "PENDING_CUSTOMER": "waiting on customer",
    "ON_HOLD": "parked", "SOLVED": "resolved", "CLOSED": "closed",
}  # fmt: skip
PRIORITIES = {"LOW": "P4", "NORMAL": "P3", "HIGH": "P2", "URGENT": "P1"}

SCHEMA = """
CREATE TABLE accounts (
  accountId TEXT PRIMARY KEY, name TEXT NOT NULL, stage TEXT NOT NULL, tier TEXT, email TEXT,
  phone TEXT, city TEXT, country TEXT, createdAt TEXT, updatedAt TEXT NOT NULL
);
CREATE INDEX accounts_name ON accounts (name);
CREATE TABLE cases (
  caseNo TEXT PRIMARY KEY, subject TEXT, kind TEXT, prio TEXT, state TEXT NOT NULL, queue TEXT,
  owner TEXT, account TEXT, company TEXT, orderNo TEXT, rmaNo TEXT, contact TEXT,
  openedAt TEXT NOT NULL, firstReplyAt TEXT, resolvedAt TEXT, dueAt TEXT, updatedAt TEXT NOT NULL
);
CREATE INDEX cases_account ON cases (account);
CREATE INDEX cases_order ON cases (orderNo, company);
CREATE INDEX cases_rma ON cases (rmaNo, company);
CREATE INDEX cases_changed ON cases (updatedAt, caseNo);
CREATE TABLE messages (
  id TEXT PRIMARY KEY, caseNo TEXT NOT NULL REFERENCES cases, author TEXT, authorKind TEXT,
  audience TEXT NOT NULL, via TEXT, body TEXT, sentAt TEXT NOT NULL
);
CREATE INDEX messages_case ON messages (caseNo);
CREATE TABLE notices (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL,
  receivedAt TEXT NOT NULL, times INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE command_log (
  kind TEXT NOT NULL, reference TEXT NOT NULL, body TEXT NOT NULL, answer TEXT NOT NULL,
  PRIMARY KEY (kind, reference)
);
"""


def seed(connection: sqlite3.Connection, plan: Plan) -> None:
    insert(connection, "accounts", _accounts(plan))
    insert(connection, "cases", map(_case, plan.cases))
    insert(connection, "messages", _messages(plan))


def stamp(moment: datetime | None) -> str | None:
    return in_utc(moment, "%Y-%m-%dT%H:%M:%S+00:00")


def _accounts(plan: Plan) -> Iterator[Row]:
    since = stamp(days_before_reference(HISTORY_DAYS))
    buyers = {each.account for each in plan.customers}
    for each in plan.accounts:
        yield {
            "accountId": each.account, "name": each.name,
            "stage": "customer" if each.account in buyers else "prospect", "tier": each.tier,
            "email": each.email, "phone": each.phone or None, "city": each.city,
            "country": each.country, "createdAt": since, "updatedAt": since,
        }  # fmt: skip


def _case(each: Case) -> Row:
    return {
        "caseNo": each.number, "subject": each.subject, "kind": each.kind,
        "prio": PRIORITIES[each.priority], "state": STATES[each.status], "queue": each.queue,
        "owner": each.assignee, "account": each.account,
        "company": COMPANIES[each.erp] if each.erp else None, "orderNo": each.order,
        "rmaNo": each.rma, "contact": each.requester, "openedAt": stamp(each.opened_at),
        "firstReplyAt": stamp(each.first_response_at), "resolvedAt": stamp(each.resolved_at),
        "dueAt": stamp(each.due_at), "updatedAt": stamp(each.updated_at),
    }  # fmt: skip


def _messages(plan: Plan) -> Iterator[Row]:
    for case in plan.cases:
        for each in case.messages:
            yield {
                "id": each.number, "caseNo": case.number, "author": each.author,
                "authorKind": "contact" if each.is_from_customer else "user",
                "audience": "note" if each.is_internal else "public",
                "via": "note" if each.is_internal else "email", "body": each.body,
                "sentAt": stamp(each.at),
            }  # fmt: skip
