"""Online Retail, connected by `online_retail.yaml` alone, from SQLite and from PostgreSQL.

542 thousand real lines and the traps that the data set's README counts: credit notes that name no
invoice, lines without a customer, the same code twice in a document, codes that are no goods, and
local times without a zone.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.model.values import Ref
from tests.real import facts, files
from tests.real.hub import Ask, all_nodes, running_hub
from tests.real.load import database_url

SYSTEMS = Path(__file__).with_name("online_retail.yaml")
SEED = 20_111_209  # the last day of the data
SAMPLE = 400
LARGEST = "573585"

pytestmark = [
    files.needs_online_retail,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(240),
]

ORDER = """on Order {
    number placedAt customer { number } total { amount currency } invoices { number }
    lines { lineNumber sku ordered { value uom } unitPrice { amount currency } amount { amount } }
}"""
HEAD = "on Order { number placedAt total { amount currency } }"
CREDIT_MEMO = """on CreditMemo {
    number status postedAt total { amount currency } order { number } invoice { number }
    customer { number }
}"""


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """One of the two databases, loaded."""
    return database_url(request.getfixturevalue(f"online_retail_{request.param}"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ask(url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ask]:
    """A hub over that database."""
    environment = {"ONLINE_RETAIL_URL": url}
    data_dir = tmp_path_factory.mktemp("hub")
    async with running_hub(SYSTEMS, environment, data_dir=data_dir) as running:
        yield running


def _sample(documents: Mapping[str, facts.Document]) -> list[facts.Document]:
    """The same documents in every run; SEED decides which."""
    chosen = random.Random(SEED).sample(sorted(documents), SAMPLE)
    return [documents[number] for number in chosen]


def _refs(noun: str, documents: Sequence[facts.Document]) -> list[Ref]:
    return [Ref(noun, "retail", document.number) for document in documents]


def _number(customer: str | None) -> str | None:
    """A customer's number as people write it: the file says 17850.0."""
    return None if customer is None else customer.removesuffix(".0")


def _money(told: Mapping[str, str]) -> tuple[Decimal, str]:
    return Decimal(told["amount"]), told["currency"]


def _head(document: facts.Document) -> tuple[object, ...]:
    return document.number, document.dated_at, (document.total, "GBP")


def _told_head(order: Mapping[str, Any]) -> tuple[object, ...]:
    return order["number"], datetime.fromisoformat(order["placedAt"]), _money(order["total"])


def _lines(document: facts.Document) -> list[tuple[object, ...]]:
    return [
        (line.number, line.code, Decimal(line.quantity), line.unit_price, line.amount)
        for line in document.lines
    ]


def _told_lines(order: Mapping[str, Any]) -> list[tuple[object, ...]]:
    return [
        (
            line["lineNumber"],
            line["sku"],
            Decimal(line["ordered"]["value"]),
            Decimal(line["unitPrice"]["amount"]),
            Decimal(line["amount"]["amount"]),
        )
        for line in order["lines"]
    ]


async def test_a_sample_of_orders_line_by_line(ask: Ask) -> None:
    documents = _sample(facts.online_retail().orders)
    orders = await all_nodes(ask, _refs("order", documents), ORDER)
    assert [_told_head(each) for each in orders] == [_head(each) for each in documents]
    assert [_told_lines(each) for each in orders] == [_lines(each) for each in documents]
    assert [each["customer"] and each["customer"]["number"] for each in orders] == [
        _number(each.customer) for each in documents
    ]
    assert any(each["customer"] is None for each in orders)
    assert [[invoice["number"] for invoice in each["invoices"]] for each in orders] == [
        [each.number] for each in documents
    ]


async def test_the_order_with_over_a_thousand_lines(ask: Ask) -> None:
    document = facts.online_retail().orders[LARGEST]
    (order,) = await all_nodes(ask, _refs("order", [document]), ORDER)
    assert len(order["lines"]) == 1_114
    assert _told_lines(order) == _lines(document)
    assert sum(Decimal(line["amount"]["amount"]) for line in order["lines"]) == document.total


async def test_every_order_is_there_with_its_total(ask: Ask) -> None:
    documents = list(facts.online_retail().orders.values())
    orders = await all_nodes(ask, _refs("order", documents), HEAD)
    assert len(orders) == 20_725
    assert [_told_head(each) for each in orders] == [_head(each) for each in documents]


async def test_credit_notes_are_credit_memos_with_positive_totals(ask: Ask) -> None:
    documents = list(facts.online_retail().credit_notes.values())
    memos = await all_nodes(ask, _refs("credit_memo", documents), CREDIT_MEMO)
    assert len(memos) == 3_836
    assert [(each["number"], _money(each["total"])) for each in memos] == [
        (each.number, (-each.total, "GBP")) for each in documents
    ]
    assert all(Decimal(each["total"]["amount"]) > 0 for each in memos)
    assert {each["status"] for each in memos} == {"POSTED"}
    assert [each["customer"] and each["customer"]["number"] for each in memos] == [
        _number(each.customer) for each in documents
    ]
    assert {(each["order"], each["invoice"]) for each in memos} == {(None, None)}


async def test_every_customer_has_a_number_as_people_write_it(ask: Ask) -> None:
    keys = sorted(facts.online_retail().customers)
    customers = await all_nodes(
        ask, [Ref("customer", "retail", key) for key in keys], "on Customer { number }"
    )
    assert len(customers) == 4_372
    assert [each["number"] for each in customers] == [_number(key) for key in keys]


@pytest.mark.parametrize("kind", ["adjustments", "write_offs", "credit_notes"])
async def test_other_documents_are_no_orders(ask: Ask, kind: str) -> None:
    documents: Mapping[str, facts.Document] = getattr(facts.online_retail(), kind)
    answer = await ask(
        "query One($number: String!) { order(number: $number) { number } }",
        {"number": min(documents)},
    )
    assert answer["data"] == {"order": None}


async def test_the_same_code_twice_in_one_document_stays_two_lines(ask: Ask) -> None:
    documents = facts.online_retail().orders.values()
    document = max(documents, key=lambda each: _most_repeated(each)[1])
    code, times = _most_repeated(document)
    (order,) = await all_nodes(ask, _refs("order", [document]), ORDER)
    assert times > 1
    assert sum(line["sku"] == code for line in order["lines"]) == times


def _most_repeated(document: facts.Document) -> tuple[str, int]:
    return Counter(line.code for line in document.lines).most_common(1)[0]


async def test_codes_that_are_no_goods_and_codes_that_differ_by_case_are_items(ask: Ask) -> None:
    codes = ["POST", "DOT", "M", "m", "D", "BANK CHARGES", "85123A", "85123a"]
    assert set(codes) <= facts.online_retail().codes
    items = await all_nodes(
        ask, [Ref("item", "retail", code) for code in codes], "on Item { sku description }"
    )
    assert [each["sku"] for each in items] == codes
    assert items[0]["description"] == "POSTAGE"


async def test_summer_time_is_an_hour_ahead_of_utc(ask: Ask) -> None:
    documents = facts.online_retail().orders.values()
    summer = next(each for each in documents if each.dated_at.month == 7)
    winter = next(each for each in documents if each.dated_at.month == 1)
    told = await all_nodes(ask, _refs("order", [summer, winter]), HEAD)
    heads = {row["InvoiceNo"]: row["InvoiceDate"] for row in _first_lines(summer, winter)}
    for order, ahead in zip(told, (1, 0), strict=True):
        local = datetime.fromisoformat(heads[order["number"]])
        seen = datetime.fromisoformat(order["placedAt"]).astimezone(UTC).replace(tzinfo=None)
        assert (local - seen).total_seconds() == ahead * 3600


def _first_lines(*documents: facts.Document) -> list[files.Row]:
    """The first line of each document, as the file has it."""
    missing = {document.number for document in documents}
    found: list[files.Row] = []
    for row in files.online_retail():
        if row["InvoiceNo"] in missing:
            missing.remove(row["InvoiceNo"])
            found.append(row)
        if not missing:
            break
    return found


async def test_a_customer_is_found_by_the_number_people_write(ask: Ask) -> None:
    answer = await ask('{ customer(number: "17850") { number address { country } } }', {})
    found = {"number": "17850", "address": {"country": "United Kingdom"}}
    assert answer["data"] == {"customer": found}


async def test_sections_say_which_system_told_the_order(ask: Ask) -> None:
    answer = await ask(
        """query One($number: String!) {
            order(number: $number) {
                financialStatus provenance { system staleness } lines { lineNumber }
                sections { name system state }
            }
        }""",
        {"number": LARGEST},
    )
    assert "errors" not in answer
    order = answer["data"]["order"]
    lines = [each for each in order["sections"] if each["name"] == "lines"]
    assert (order["financialStatus"], order["provenance"]["system"]) == ("INVOICED", "retail")
    assert lines == [{"name": "lines", "system": "retail", "state": "AVAILABLE"}]
