"""Commands as people give them over HTTP, and their effects in the ERP's own database."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from hub.demo.supervisor import SYSTEMS_FILE
from hub.model.ids import encode_id
from hub.model.values import Ref
from tests.e2e.hub_process import RunningHub

ERP = "erp-eu"
UNDER_WAY = ("ACCEPTED", "DISPATCHED", "OUTCOME_UNKNOWN")
LOOK_S = 0.05

RECEIPT = """command { id status replayed correlationId result { name value } }
  userErrors { code field message retryable system evidence { name value } }"""
HOLD = f"""mutation Hold($id: ID!, $key: String!, $wait: Float! = 0, $version: Long) {{
  done: holdOrder(orderId: $id, reason: CREDIT, idempotencyKey: $key, wait: $wait,
    expectedVersion: $version) {{ {RECEIPT} order {{ status holdReason version }} }} }}"""
RELEASE = f"""mutation Release($id: ID!, $key: String!, $wait: Float! = 0) {{
  done: releaseOrderHold(orderId: $id, reason: "paid", idempotencyKey: $key, wait: $wait) {{
    {RECEIPT} order {{ status holdReason }} }} }}"""
CANCEL = f"""mutation Cancel($id: ID!, $key: String!, $lines: [Int!]!, $wait: Float! = 0) {{
  done: cancelOrderLines(orderId: $id, reason: "not wanted", lineNumbers: $lines,
    idempotencyKey: $key, wait: $wait) {{ {RECEIPT} }} }}"""
CREDIT = f"""mutation Credit($id: ID!, $key: String!, $amount: Decimal!, $currency: String!,
  $wait: Float! = 0, $dry: Boolean! = false) {{
  done: issueCredit(invoiceId: $id, amount: $amount, currency: $currency, reason: "GOODWILL",
    idempotencyKey: $key, wait: $wait, dryRun: $dry) {{ {RECEIPT} invoice {{ number }} }} }}"""
ADJUST = f"""mutation Adjust($id: ID!, $key: String!, $location: String!, $quantity: Decimal!,
  $wait: Float! = 0) {{
  done: adjustInventory(itemId: $id, location: $location, quantity: $quantity, reason: "counted",
    idempotencyKey: $key, wait: $wait) {{ {RECEIPT} item {{ sku }} }} }}"""
FOLLOW = """subscription Follow($id: ID!) { told: commandStatusChanged(commandId: $id) {
  __typename
  ... on CommandSnapshot { nodes { id status } }
  ... on CommandStatusEvent { type changes { axis from to } node { id status } } } }"""
TOLD = """query Told($id: ID!, $correlation: String!) { order(id: $id) {
  timeline(correlationId: $correlation) { nodes { type category } } } }"""
ONE = """query One($id: ID!) { command(id: $id) {
  status attempts waitsForPerson endedAt userErrors { code } result { name value } } }"""


def quick_systems(folder: Path) -> Path:
    """The demo's systems file; an effect that is not found after a second is not there."""
    path = folder / "systems.yaml"
    text = SYSTEMS_FILE.read_text().replace("settles_within: 30s", "settles_within: 1s")
    path.write_text(text.replace("table: import/", f"table: {SYSTEMS_FILE.parent}/import/"))
    return path


@dataclass
class Desk:
    """A hub, and the European ERP it commands: its own database and its test knobs."""

    hub: RunningHub
    database: Path
    erp_url: str

    def order_id(self, key: str) -> str:
        return encode_id(Ref("order", ERP, key))

    def invoice_id(self, key: str) -> str:
        return encode_id(Ref("invoice", ERP, key))

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the ERP's own database says."""
        with closing(sqlite3.connect(self.database, timeout=10)) as connection:
            return connection.execute(sql, values).fetchall()

    def orders(self, *states: str) -> list[str]:
        """The keys of orders in these native states, in order."""
        marks = ", ".join("?" * len(states))
        sql = f"SELECT orno FROM ordhdr WHERE orst IN ({marks}) ORDER BY orno"
        return [key for (key,) in self.rows(sql, *states)]

    def state(self, order: str) -> tuple[str, str | None]:
        [found] = self.rows("SELECT orst, orhr FROM ordhdr WHERE orno = ?", order)
        return found[0], found[1]

    def invoices(self) -> list[tuple[str, str]]:
        """Posted invoices without credits, and their currencies, of orders with one invoice."""
        sql = """SELECT ivno, ivcr FROM invhdr i WHERE ivty = 'I' AND ivst = '20' AND ivct = 0
          AND (SELECT count(*) FROM invhdr j WHERE j.orno = i.orno) = 1 AND ivam > 200
          ORDER BY ivno"""
        return [(key, currency) for key, currency in self.rows(sql)]

    def memos(self, invoice: str) -> list[tuple[str, str]]:
        """References and amounts of the credit memos of an invoice."""
        sql = "SELECT xref, ivam FROM invhdr WHERE ivty = 'C' AND ivrf = ? ORDER BY ivno"
        return [(reference, str(amount)) for reference, amount in self.rows(sql, invoice)]

    def told(self, invoice: str, correlation: str) -> list[str]:
        """What the timeline of the invoice's order says of a correlation id, newest first."""
        [(order,)] = self.rows("SELECT orno FROM invhdr WHERE ivno = ?", invoice)
        answer = self.hub.ask(TOLD, id=self.order_id(order), correlation=correlation)
        nodes = answer["data"]["order"]["timeline"]["nodes"]
        return [each["type"] for each in nodes if each["category"] == "COMMAND"]

    def sent(self, path: str) -> int:
        """How often the ERP was called there."""
        counted = httpx2.get(f"{self.erp_url}/__stats", timeout=10).json()["calls"]
        return int(counted.get(f"POST {path}", 0))

    def fault(self, **fault: Any) -> None:
        httpx2.post(f"{self.erp_url}/__fault", json=fault, timeout=10)

    def give(
        self, document: str, *, role: str = "agent", token: str | None = None, **variables: Any
    ) -> dict[str, Any]:
        """The payload of a mutation."""
        answer = self.hub.ask(document, role=role, token=token, **variables)
        assert "errors" not in answer, answer
        done: dict[str, Any] = answer["data"]["done"]
        return done

    def follow(self, id_: str, *, token: str) -> Iterator[dict[str, Any]]:
        """What a subscriber of a command is sent: the items, or the answer that refuses it."""
        headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        body = {"query": FOLLOW, "variables": {"id": id_}}
        url = f"{self.hub.url}/graphql"
        with httpx2.stream("POST", url, json=body, headers=headers, timeout=20) as answer:
            for line in answer.iter_lines():
                if line.startswith("data:") and (sent := line.removeprefix("data:").strip()):
                    yield json.loads(sent)

    def one(self, id_: str, *, token: str | None = None, role: str = "operator") -> dict[str, Any]:
        """The command as it is now."""
        answer = self.hub.ask(ONE, role=role, token=token, id=id_)
        assert "errors" not in answer, answer
        found: dict[str, Any] = answer["data"]["command"]
        return found

    def seen(self, id_: str, *, within_s: float = 30.0) -> list[str]:
        """The statuses a command goes through until its end, as somebody sees who asks often."""
        statuses: list[str] = []
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            status = self.one(id_)["status"]
            if not statuses or statuses[-1] != status:
                statuses.append(status)
            if status not in UNDER_WAY:
                return statuses
            time.sleep(LOOK_S)
        raise AssertionError(f"command {id_} has not ended: {statuses}")
