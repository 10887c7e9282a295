"""What the data sets say, worked out from the files alone: no database, nothing of the hub.

Amounts are exact decimals. Every expectation of the tests beside this file comes from here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from tests.real import files

# Online Retail writes local time of the United Kingdom without a zone.
SHOP_TIME = ZoneInfo("Europe/London")


@dataclass(frozen=True)
class Line:
    """A line as the file has it; quantities and amounts keep their sign."""

    number: int
    code: str
    quantity: int
    unit_price: Decimal

    @property
    def amount(self) -> Decimal:
        return self.quantity * self.unit_price


@dataclass
class Document:
    """An order, invoice or credit note: its head is its first line in file order."""

    number: str
    customer: str | None
    dated_at: datetime
    country: str
    lines: list[Line] = field(default_factory=list)

    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal())


@dataclass(frozen=True)
class OnlineRetail:
    """Every document by number, sorted into what it is, and the keys that occur on lines."""

    orders: Mapping[str, Document]
    credit_notes: Mapping[str, Document]
    adjustments: Mapping[str, Document]
    write_offs: Mapping[str, Document]
    customers: frozenset[str]
    codes: frozenset[str]
    lines: int
    lines_without_customer: int


@cache
def online_retail() -> OnlineRetail:
    """Read the whole file once: about 5 s."""
    documents: dict[str, Document] = {}
    anonymous = 0
    for row in files.online_retail():
        anonymous += not row["CustomerID"]
        document = documents.get(row["InvoiceNo"]) or _open_document(documents, row)
        document.lines.append(
            Line(
                len(document.lines) + 1,
                row["StockCode"],
                int(row["Quantity"]),
                Decimal(row["UnitPrice"]),
            )
        )
    return _sorted_out(documents, anonymous)


def _open_document(documents: dict[str, Document], row: files.Row) -> Document:
    local = datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=SHOP_TIME)
    document = Document(
        row["InvoiceNo"], row["CustomerID"] or None, local.astimezone(UTC), row["Country"]
    )
    documents[document.number] = document
    return document


def _sorted_out(documents: Mapping[str, Document], anonymous: int) -> OnlineRetail:
    """By kind: C… gives credit, A… adjusts a bad debt, a negative plain one writes stock off."""
    plain = {number: each for number, each in documents.items() if number.isdigit()}
    return OnlineRetail(
        orders={n: d for n, d in plain.items() if d.lines[0].quantity > 0},
        write_offs={n: d for n, d in plain.items() if d.lines[0].quantity < 0},
        credit_notes={n: d for n, d in documents.items() if n.startswith("C")},
        adjustments={n: d for n, d in documents.items() if n.startswith("A")},
        customers=frozenset(d.customer for d in documents.values() if d.customer),
        codes=frozenset(line.code for d in documents.values() for line in d.lines),
        lines=sum(len(d.lines) for d in documents.values()),
        lines_without_customer=anonymous,
    )


@dataclass(frozen=True)
class NorthwindLine:
    """A line of a Northwind order; `amount` is after the discount, to the last decimal."""

    product: str
    unit_price: Decimal
    quantity: int
    discount: Decimal

    @property
    def amount(self) -> Decimal:
        return self.unit_price * self.quantity * (1 - self.discount)


@dataclass(frozen=True)
class Northwind:
    """Its rows by key, and the lines of each order in the order of their product keys."""

    orders: Mapping[str, files.Row]
    customers: Mapping[str, files.Row]
    products: Mapping[str, files.Row]
    shippers: Mapping[str, str]
    lines: Mapping[str, Sequence[NorthwindLine]]

    def total(self, order: str) -> Decimal:
        return sum((line.amount for line in self.lines[order]), Decimal())


@cache
def northwind() -> Northwind:
    lines: dict[str, list[NorthwindLine]] = {}
    for row in files.northwind("OrderDetails"):
        lines.setdefault(row["OrderID"], []).append(
            NorthwindLine(
                row["ProductID"],
                Decimal(row["UnitPrice"]),
                int(row["Quantity"]),
                Decimal(row["Discount"]),
            )
        )
    return Northwind(
        orders={row["OrderID"]: row for row in files.northwind("Orders")},
        customers={row["CustomerID"]: row for row in files.northwind("Customers")},
        products={row["ProductID"]: row for row in files.northwind("Products")},
        shippers={row["ShipperID"]: row["CompanyName"] for row in files.northwind("Shippers")},
        lines=lines,
    )
