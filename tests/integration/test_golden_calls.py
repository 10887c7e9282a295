"""Golden queries make an exact number of upstream calls, written down here call by call.

Each starts with a cold cache and is counted twice: by the hub, per system and relation, and where
the calls arrive, in the statements of the database and in each HTTP system's own count.
"""

import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.demo import supervisor
from hub.demo.supervisor import DemoSystems
from hub.model.ids import encode_id
from hub.model.values import Ref
from tests.support.composed_hub import Answered, composed_hub

ORDERS = 50

ORDER_DESK = """
  id number status placedAt total { amount currency } poNumber
  customer { number name credit { limit { amount } onHold } }
  lines { lineNumber sku ordered { value uom } unitPrice { amount currency } item { description } }
  shipments { number status trackingNumber lines { orderLine sku quantity { value } }
              milestones { code occurredAt } }
  invoices { number total { amount } lines { lineNumber amount { amount } } }
  creditMemos { number total { amount } }
  returns { number status lines { sku requested { value } } receipts { number }
            inspections { verdict } dispositions { code } creditMemos { number }
            shipments { number } cases { number } }
  cases { number status messages { body visibility } }
  timeline(first: 50) { nodes { __typename occurredAt system title } pageInfo { hasNextPage } }
  sections { name system state staleness code }
"""

OF_AN_ORDER = """
  carrier milestone.shipment, carrier milestone.tracking_number
  crm case.order, crm case.rma
  erp-eu order_line.order, erp-eu item, erp-eu customer
  erp-eu invoice.order, erp-eu invoice_line.invoice, erp-eu credit_memo.order
  erp-eu return.order, erp-eu return_line.rma, erp-eu credit_memo.rma
  wms-north shipment.order, wms-north shipment.rma, wms-north receipt.rma
  wms-north inspection.rma, wms-north disposition.rma
  wms-south shipment.order, wms-south shipment.rma, wms-south receipt.rma
  wms-south inspection.rma, wms-south disposition.rma
"""
"""All sections of a European order with a return: one call per relation and system."""

BY_NUMBER = "erp-eu order.number, erp-us order.number"

OF_AN_RMA = """
  erp-eu return.number, erp-us return.number, erp-eu order, erp-eu customer
  erp-eu return_line.rma, erp-eu credit_memo.rma, crm case.rma
  wms-north shipment.rma, wms-north receipt.rma, wms-north inspection.rma
  wms-north disposition.rma
  wms-south shipment.rma, wms-south receipt.rma, wms-south inspection.rma
  wms-south disposition.rma
"""

OF_A_SEARCH = """
  erp-eu order.number, erp-eu order.po_number, erp-eu return.number, erp-eu invoice.number
  erp-eu credit_memo.number, erp-eu customer.number, erp-eu item.sku
  erp-us order.number, erp-us order.po_number, erp-us return.number, erp-us invoice.number
  erp-us credit_memo.number, erp-us customer.number, erp-us item.sku
  wms-north shipment.number, wms-north shipment.tracking_number
  wms-south shipment.number, wms-south shipment.tracking_number
  crm case.number, crm customer.number
  erp-eu customer list, erp-us customer list, crm customer list
"""
"""Names are looked for by part, so they are listed; all else is looked up."""

COLLECTIONS: Mapping[str, Mapping[str, str]] = {
    "erp-eu": {
        "order": "ordhdr", "order_line": "ordlin", "customer": "cusmas", "item": "itmmas",
        "price": "pricel", "invoice": "invhdr", "invoice_line": "invlin", "credit_memo": "invhdr",
        "return": "rmahdr", "return_line": "rmalin",
    },
    "erp-us": {
        "order": "/orders", "customer": "/customers", "item": "/items", "invoice": "/invoices",
        "credit_memo": "/credit-memos", "return": "/returns", "price": "/prices",
    },
    "wms": {
        "shipment": "/shipments", "inventory_position": "/stock", "receipt": "/receipts",
        "inspection": "/inspections", "disposition": "/dispositions",
    },
    "crm": {"customer": "/accounts", "case": "/cases"},
    "carrier": {"milestone": "/scans"},
}  # fmt: skip
"""Where each system holds a noun, as it would count a call for it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DemoSystems]:
    """The six demo systems, keeping still."""
    folder = tmp_path_factory.mktemp("demo-systems")
    systems = await supervisor.start(folder, pace_s=0, progress=print)
    yield systems
    await supervisor.stop(systems)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where each hub keeps its store: the cross references are learnt once, the cache is not."""
    return tmp_path_factory.mktemp("store")


async def _asked(demo: DemoSystems, data_dir: Path, document: str, **variables: Any) -> Answered:
    """The answer of a hub that has read nothing before; it must be without an error."""
    async with composed_hub(demo, data_dir) as hub:
        answer = await hub.ask(document, **variables)
    assert [str(error) for error in answer.errors] == []
    return answer


def _check(answer: Answered, relations: str) -> None:
    """Exactly these relations, each once; and the systems saw exactly those calls."""
    assert answer.relations == Counter(_words(relations))
    assert answer.seen == Counter(map(_arrived, _words(relations)))


def _words(table: str) -> list[str]:
    return [each.strip() for each in table.replace("\n", ",").split(",") if each.strip()]


def _arrived(call: str) -> str:
    system, noun = re.split(r"[ .]", call)[:2]
    held = COLLECTIONS["wms" if system.startswith("wms") else system]
    return f"{system} {held[noun]}"


def _rows(demo: DemoSystems, system: str, statement: str) -> list[str]:
    """The first column of what a demo system holds."""
    (file,) = [each.database for each in demo.systems if each.name == system]
    with sqlite3.connect(file) as database:
        return [str(row[0]) for row in database.execute(statement)]


def _order_ids(demo: DemoSystems, count: int) -> list[str]:
    """Ids of European orders; the first has a return, invoices, credit memos and shipments."""
    numbers = [demo.interesting.orders["returned_mixed"]]
    numbers += _rows(demo, "erp-eu", f"SELECT orno FROM ordhdr ORDER BY orno LIMIT {count - 1}")
    return [encode_id(Ref("order", "erp-eu", number)) for number in numbers]


async def test_an_order_desk_asks_each_relation_of_each_system_once(
    demo: DemoSystems, store: Path
) -> None:
    document = f"query ($n: String!) {{ order(number: $n) {{ {ORDER_DESK} }} }}"
    answer = await _asked(demo, store, document, n=demo.interesting.orders["returned_mixed"])
    _check(answer, f"{BY_NUMBER}, {OF_AN_ORDER}")
    order = answer.data["order"]
    for section in ("lines", "shipments", "invoices", "returns", "cases"):
        assert order[section] is not None, section
    assert order["returns"][0]["dispositions"] != []
    assert {row["state"] for row in order["sections"]} == {"AVAILABLE"}


async def test_50_orders_cost_the_same_calls_as_one(demo: DemoSystems, store: Path) -> None:
    document = f"query ($ids: [ID!]!) {{ orders(ids: $ids) {{ {ORDER_DESK} }} }}"
    one = await _asked(demo, store, document, ids=_order_ids(demo, 1))
    many = await _asked(demo, store, document, ids=_order_ids(demo, ORDERS))
    _check(one, f"erp-eu order, {OF_AN_ORDER}")
    assert many.relations == one.relations
    assert many.seen == one.seen
    assert len(many.data["orders"]) == ORDERS
    assert all(order["lines"] for order in many.data["orders"])


async def test_a_record_read_once_is_not_read_again(demo: DemoSystems, store: Path) -> None:
    document = f"query ($ids: [ID!]!) {{ orders(ids: $ids) {{ {ORDER_DESK} }} }}"
    async with composed_hub(demo, store) as hub:
        first = await hub.ask(document, ids=_order_ids(demo, 1))
        again = await hub.ask(document, ids=_order_ids(demo, 1))
    assert again.seen == Counter()
    for answer in (first, again):
        for section in answer.data["orders"][0]["sections"]:
            del section["staleness"]
    assert again.data == first.data


async def test_a_search_asks_each_number_of_each_system_once(
    demo: DemoSystems, store: Path
) -> None:
    document = "query ($t: String!) { search(text: $t) { hits { field value } } }"
    number = demo.interesting.orders["delivered"]
    answer = await _asked(demo, store, document, t=number)
    _check(answer, OF_A_SEARCH)
    assert answer.data["search"]["hits"][0] == {"field": "number", "value": number}


async def test_availability_of_50_items_asks_each_warehouse_once(
    demo: DemoSystems, store: Path
) -> None:
    document = "query ($s: [String!]!) { availability(skus: $s) { sku location mode } }"
    skus = _rows(demo, "erp-eu", f"SELECT itno FROM itmmas ORDER BY itno LIMIT {ORDERS}")
    answer = await _asked(demo, store, document, s=skus)
    _check(answer, "wms-north inventory_position.sku, wms-south inventory_position.sku")
    assert len(skus) == ORDERS
    assert {row["sku"] for row in answer.data["availability"]} == set(skus)


async def test_an_rma_whole(demo: DemoSystems, store: Path) -> None:
    document = """query ($n: String!) { rma(number: $n) {
      number status order { number } customer { name } lines { sku } receipts { number }
      inspections { verdict } dispositions { code } creditMemos { number } shipments { number }
      cases { number } sections { name system state } } }"""
    answer = await _asked(demo, store, document, n=demo.interesting.rmas["mixed"])
    _check(answer, OF_AN_RMA)
    assert len(answer.data["rma"]["inspections"]) == 3


async def test_a_case_with_its_order_and_customer(demo: DemoSystems, store: Path) -> None:
    document = """query ($n: String!) { case(number: $n) {
      number messages { body } order { number status } customer { name } } }"""
    order = demo.interesting.orders["with_case"]
    (number, *_) = _rows(
        demo, "crm", f"SELECT caseNo FROM cases WHERE orderNo = '{order}' AND company = '01'"
    )
    answer = await _asked(demo, store, document, n=number)
    _check(answer, "crm case.number, crm customer, erp-eu order")
    assert answer.data["case"]["order"]["number"] == order


async def test_a_customer_with_its_cases(demo: DemoSystems, store: Path) -> None:
    """The cases hang on the CRM's account, which the cross references join to the ERP's."""
    document = """query ($n: String!) { customer(number: $n) {
      number name credit { limit { amount } } cases { number } sourceRefs { system } } }"""
    answer = await _asked(demo, store, document, n="C1001")
    _check(
        answer,
        "erp-eu customer.number, erp-us customer.number, crm customer.number, crm case.customer",
    )
    systems = [each["system"] for each in answer.data["customer"]["sourceRefs"]]
    assert systems == ["erp-eu", "erp-us", "crm"]


async def test_a_shipment_by_its_tracking_number(demo: DemoSystems, store: Path) -> None:
    document = """query ($c: String!, $t: String!) { shipment(carrier: $c, trackingNumber: $t) {
      number order { number } lines { sku } milestones { code } } }"""
    newest = "FROM shipments WHERE trackingNo IS NOT NULL ORDER BY createdAt DESC, id LIMIT 1"
    (carrier,) = _rows(demo, "wms-north", f"SELECT carrier {newest}")
    (tracking,) = _rows(demo, "wms-north", f"SELECT trackingNo {newest}")
    answer = await _asked(demo, store, document, c=carrier, t=tracking)
    _check(
        answer,
        "wms-north shipment.tracking_number, wms-south shipment.tracking_number, erp-eu order, "
        "carrier milestone.shipment, carrier milestone.tracking_number",
    )
    assert answer.data["shipment"]["milestones"] != []


async def test_a_price_asks_each_price_list_once(demo: DemoSystems, store: Path) -> None:
    document = """query ($c: ID!, $s: String!) {
      price(customer: $c, sku: $s, quantity: "10") { unitPrice { amount } } }"""
    (sku,) = _rows(demo, "erp-eu", "SELECT itno FROM pricel ORDER BY itno LIMIT 1")
    customer = encode_id(Ref("customer", "erp-eu", "C1001"))
    answer = await _asked(demo, store, document, c=customer, s=sku)
    _check(answer, "erp-eu price.sku, erp-us price.sku")
    assert answer.data["price"] is not None


@pytest.mark.parametrize("document", ["{ systems { name state } }", "{ me { subject } }"])
async def test_what_the_hub_knows_itself_asks_nobody(
    demo: DemoSystems, store: Path, document: str
) -> None:
    _check(await _asked(demo, store, document), "")
