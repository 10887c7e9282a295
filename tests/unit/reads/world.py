"""A small company in memory for the tests of reads: an ERP, a warehouse, a CRM and a carrier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.model.case import Case, Message, Visibility
from hub.model.catalog import NOUNS
from hub.model.customer import Customer
from hub.model.order import Order, OrderLine
from hub.model.record import Record
from hub.model.returns import Return
from hub.model.shipment import Shipment
from hub.model.timeline import TimelineEntry
from hub.model.values import Ref
from hub.reads.reads import ReadHub, Reads
from hub.security.principal import CallerClass, Role
from hub.security.scope import Scope
from tests.support.fake_source import FakeSource, terms

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.elapsed_s)

    def monotonic(self) -> float:
        return self.elapsed_s


class SameAs:
    """Cross references held as groups; the first of a group is the primary one."""

    def __init__(self, *groups: tuple[Ref, ...]) -> None:
        self._groups = groups

    def same_as(self, ref: Ref) -> tuple[Ref, ...]:
        return next((group for group in self._groups if ref in group), (ref,))


@dataclass
class RecordedEntries:
    entries: list[TimelineEntry] = field(default_factory=list)

    async def entries_by_order(self, orders: Sequence[Ref]) -> list[list[TimelineEntry]]:
        return [[each for each in self.entries if each.order == order] for order in orders]


def ref(noun: str, key: str, *, system: str = "erp") -> Ref:
    return Ref(noun, system, key)


def make(noun: str, key: str, *, system: str = "erp", at: datetime = NOW, **values: Any) -> Any:
    """A record of a noun; `at` is both when it was true and when it was read."""
    return NOUNS[noun](ref=Ref(noun, system, key), as_of=at, fetched_at=at, **values)


HOUSE = Scope(None, None, False, frozenset({Role.AGENT}))


def customer_scope(*keys: str, system: str = "erp") -> Scope:
    customers = frozenset(Ref("customer", system, key) for key in keys)
    return Scope(customers, None, True, frozenset({Role.CUSTOMER}))


ERP_NOUNS = (
    "order", "order_line", "customer", "item", "price", "invoice", "invoice_line", "credit_memo",
    "return", "return_line",
)  # fmt: skip
WMS_NOUNS = (
    "shipment", "shipment_line", "inventory_position", "receipt", "inspection", "disposition",
)  # fmt: skip


@dataclass
class World:
    """Its systems, and the hub over them. `c1` owns orders 1 and 2, `c2` owns order 3."""

    clock: FakeClock = field(default_factory=FakeClock)
    recorded: RecordedEntries = field(default_factory=RecordedEntries)
    references: SameAs = field(default_factory=SameAs)

    def __post_init__(self) -> None:
        both = frozenset({"erp", "wms"})
        self.erp = FakeSource("erp", {noun: terms(noun, points_to=both) for noun in ERP_NOUNS})
        self.wms = FakeSource(
            "wms", {noun: terms(noun, points_to=both) for noun in WMS_NOUNS}, role="wms"
        )
        self.crm = FakeSource(
            "crm",
            {noun: terms(noun, points_to=both | {"crm"}) for noun in ("case", "message")},
            role="crm",
        )
        self.carrier = FakeSource("carrier", {"milestone": terms("milestone")}, role="carrier")
        self.hub = ReadHub(
            [self.erp, self.wms, self.crm, self.carrier],
            references=self.references, recorded=self.recorded, clock=self.clock,
        )  # fmt: skip
        self._fill()

    def open(self, scope: Scope = HOUSE) -> Reads:
        caller = CallerClass.CUSTOMER if scope.is_customer else CallerClass.AGENT
        return self.hub.open(scope, caller=caller)

    @property
    def calls(self) -> list[tuple[str, str, str]]:
        """(system, noun, operation) of every call of every system."""
        systems = (self.erp, self.wms, self.crm, self.carrier)
        return [(each.name, call.noun, call.operation) for each in systems for call in each.calls]

    def _fill(self) -> None:
        for key, owner in (("1", "c1"), ("2", "c1"), ("3", "c2")):
            order = ref("order", key)
            self.erp.put(
                Order(
                    ref=order, as_of=NOW, fetched_at=NOW, number=f"SO{key}", business_unit="EU",
                    customer=ref("customer", owner), placed_at=NOW - timedelta(days=9),
                ),
                OrderLine(
                    ref=ref("order_line", f"{key}/1"), as_of=NOW, fetched_at=NOW, order=order,
                    line_number=1, sku="A",
                ),
                Return(
                    ref=ref("return", f"r{key}"), as_of=NOW, fetched_at=NOW, number=f"RMA{key}",
                    order=order, customer=ref("customer", owner),
                ),
            )  # fmt: skip
            self.wms.put(
                Shipment(
                    ref=ref("shipment", f"s{key}", system="wms"), as_of=NOW, fetched_at=NOW,
                    number=f"SH{key}", order=order, carrier="UPS", tracking_number=f"1Z{key}",
                    shipped_at=NOW - timedelta(days=5),
                )
            )  # fmt: skip
            self.crm.put(
                Case(
                    ref=ref("case", f"k{key}", system="crm"), as_of=NOW, fetched_at=NOW,
                    number=f"C{key}", order=order, subject="Where is it?",
                ),
                Message(
                    ref=ref("message", f"m{key}", system="crm"), as_of=NOW, fetched_at=NOW,
                    case=ref("case", f"k{key}", system="crm"), body="Hello",
                    visibility=Visibility.CUSTOMER, sent_at=NOW - timedelta(days=1),
                ),
            )  # fmt: skip
        for key in ("c1", "c2"):
            self.erp.put(
                Customer(
                    ref=ref("customer", key), as_of=NOW, fetched_at=NOW, number=key,
                    name=f"Customer {key}", business_unit="EU",
                )
            )  # fmt: skip

    async def orders(self, reads: Reads, *keys: str) -> list[Record]:
        told = await reads.record_by_ref([ref("order", key) for key in keys])
        assert all(isinstance(each, Record) for each in told)
        return [each for each in told if isinstance(each, Record)]
