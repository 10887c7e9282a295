"""A schema over the misbehaving records: every kind of field, nullability, list and argument."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import strawberry

from resolvers.fields import computed, edge, mutation, represents, root
from tests.unit.engine import records
from tests.unit.engine.records import Order as OrderRecord
from tests.unit.engine.records import Status

strawberry.enum(Status, name="Status")


@dataclass
class World:
    """The context of a request: a counter the mutations move, and what was called with how many."""

    counter: int = 0
    calls: list[tuple[str, int]] = field(default_factory=list)


@strawberry.input
class Span:
    at_least: int = 0
    at_most: int | None = None


@strawberry.input
class Filter:
    statuses: list[Status] | None = None
    span: Span | None = strawberry.field(default_factory=Span)
    text: str | None = "none"
    cells: list[list[int | None]] | None = None


async def a_moment() -> None:
    await asyncio.sleep(0)


async def customers_of(orders: Sequence[OrderRecord], ctx: World) -> list[Any]:
    ctx.calls.append(("customer", len(orders)))
    await a_moment()
    failures = {3: ConnectionError("crm is down"), 5: None}
    return [failures.get(one.n % 8, records.customer(one.n)) for one in orders]


def parcels_of(
    orders: Sequence[OrderRecord], ctx: World, *, first: int = 2, where: Filter | None = None
) -> list[Any]:
    ctx.calls.append(("parcels", len(orders)))
    lowest = where.span.at_least if where and where.span else 0
    several = [[records.parcel(one.n + i) for i in range(first)] for one in orders]
    return [[each for each in some if each.n >= lowest] for some in several]


async def strict_parcels_of(orders: Sequence[OrderRecord], ctx: World) -> list[Any]:
    cases: list[Any] = [
        [records.parcel(1)], [records.parcel(2), None], None, ValueError("wms is down"), (),
        "no list", [records.parcel(4), KeyError("one parcel")], [records.customer(1)],
    ]  # fmt: skip
    await a_moment()
    await a_moment()
    return [cases[one.n % len(cases)] for one in orders]


async def entries_of(orders: Sequence[OrderRecord], ctx: World, *, first: int = 3) -> list[Any]:
    await a_moment()
    return [[_entry(one.n + i) for i in range(first)] for one in orders]


def _entry(n: int) -> Any:
    return [records.happening(n), records.note(n), records.happening(n + 1)][n % 3]


def related_to(orders: Sequence[OrderRecord], ctx: World, *, steps: list[int] | None = None) -> Any:
    found = [[one.neighbour(step) for step in steps or [1, 3]] for one in orders]
    return [None if one.n % 9 == 8 else some for one, some in zip(orders, found, strict=True)]


async def rings_of(orders: Sequence[OrderRecord], ctx: World) -> list[Any]:
    await a_moment()
    cases: list[Callable[[OrderRecord], Any]] = [
        lambda one: [[one, None], None, []],
        lambda one: [[one.neighbour(1)], [one.neighbour(2), one.neighbour(3)]],
        lambda one: [[one], [LookupError("ring")]],
        lambda one: None,
    ]
    return [cases[one.n % 4](one) for one in orders]


def scores_of(orders: Sequence[OrderRecord], ctx: World, *, factor: int = 1) -> list[Any]:
    cases: list[Any] = [1, 2**33, None, ArithmeticError("no score"), "5"]
    return [cases[one.n % 5] if one.n % 5 else one.n * factor for one in orders]


async def partners_of(orders: Sequence[OrderRecord], ctx: World) -> list[Any]:
    makers: list[Callable[[int], Any]] = [
        records.customer, records.parcel, records.happening, records.Stray, lambda n: None,
    ]  # fmt: skip
    return [makers[one.n % 5](one.n) for one in orders]


async def hits_of(orders: Sequence[OrderRecord], ctx: World) -> list[Any]:
    await a_moment()
    return [_hits(one.n) for one in orders]


def _hits(n: int) -> Any:
    makers = [records.order, records.customer, records.parcel, records.order]
    found: list[Any] = [make(n + i) for i, make in enumerate(makers)]
    return [*found, records.Stray(n)] if n % 6 == 5 else found


def raise_for_all(
    orders: Sequence[OrderRecord], ctx: World, *, message: str = "all of them"
) -> list[Any]:
    raise RuntimeError(message)


async def raise_later(orders: Sequence[OrderRecord], ctx: World) -> list[Any]:
    await a_moment()
    raise RuntimeError("later")


def statuses_late(orders: Sequence[OrderRecord], ctx: World) -> list[Any]:
    ctx.calls.append(("late", len(orders)))
    return [["late", one.number] for one in orders]


def labels(record: OrderRecord, ctx: World, *, prefix: str = "L", upper: bool = False) -> str:
    if record.n % 11 == 10:
        raise ValueError(f"no label for {record.n}")
    label = f"{prefix}-{record.n}"
    return label if not upper else label.upper()


async def orders_of(customers: Sequence[records.Customer], ctx: World, *, first: int = 2) -> Any:
    await a_moment()
    return [[records.order((one.n + i) % 40) for i in range(first)] for one in customers]


def line_items(lines: Sequence[records.Line], ctx: World) -> list[Any]:
    return [ValueError("no item") if one.n % 6 == 4 else records.parcel(one.n) for one in lines]


@strawberry.interface
class Named:
    name: str | None


@strawberry.interface
class Entry(Named):
    n: int


@represents(records.Money)
@strawberry.type
class Money:
    amount: Decimal
    currency: str


@represents(records.Customer)
@strawberry.type
class Customer(Named):
    n: int
    tier: Status | None
    strict_name: str = computed(lambda record: record.name)
    orders: list["Order"] | None = edge(orders_of)


@represents(records.Parcel)
@strawberry.type
class Parcel(Named):
    n: int
    weight: float | None
    same_weight: float | None = computed(lambda record: record.weight)


@represents(records.Happening, by="kind", values=(records.Kind.PICKED,))
@strawberry.type
class Picked(Entry):
    place: str | None


@represents(records.Happening, by="kind", values=(records.Kind.SHIPPED,))
@strawberry.type
class Shipped(Entry):
    place: str
    by: Customer | None = computed(lambda record: records.customer(record.n))


@represents(records.Note)
@strawberry.type
class Note(Entry):
    text: str


@represents(records.Line)
@strawberry.type
class Line:
    n: int
    sku: str
    quantity: Decimal
    weight: float | None
    bin: str
    item: Parcel | None = edge(line_items)
    strict_item: Parcel = edge(line_items)


Hit = Annotated["Order | Customer | Parcel", strawberry.union("Hit")]


@represents(records.Page)
@strawberry.type
class Page:
    nodes: list["Order"]
    total: int


@strawberry.type
class Plain:
    """A type without declared records."""

    n: int
    name: str | None


@represents(records.Order)
@strawberry.type
class Order:
    n: int
    id: strawberry.ID = computed(lambda record: f"order:{record.n}")
    number: str
    status: Status | None
    strict_status: Status = computed(lambda record: record.status)
    total: Money | None
    strict_total: Money = computed(lambda record: record.total)
    tags: list[str | None]
    strict_tags: list[str] | None = computed(lambda record: record.tags)
    grid: list[list[int | None] | None]
    strict_grid: list[list[int]] | None = computed(lambda record: record.grid)
    weight: float | None
    count: int | None
    strict_count: int = computed(lambda record: record.count)
    is_urgent: bool | None
    placed_at: datetime | None
    due_on: date | None
    reference: strawberry.ID | None
    boom: str | None
    strict_boom: str = computed(lambda record: record.boom)
    returned_error: str | None
    label: str | None = computed(labels)
    lines: list[Line]
    maybe_lines: list[Line | None] | None
    strict_lines: list[Line] | None = computed(lambda record: record.maybe_lines)
    stranger: Customer | None
    page: Page | None
    notes: list[Named | None]
    strict_notes: list[Named] | None = computed(lambda record: record.notes)
    plain: Plain | None = computed(lambda record: record.stranger)
    customer: Customer | None = edge(customers_of)
    strict_customer: Customer = edge(customers_of)
    parcels: list[Parcel] | None = edge(parcels_of)
    strict_parcels: list[Parcel] = edge(strict_parcels_of)
    entries: list[Entry | None] = edge(entries_of)
    strict_entries: list[Entry] | None = edge(entries_of)
    related: list["Order"] | None = edge(related_to)
    rings: list[list["Order | None"] | None] | None = edge(rings_of)
    strict_rings: list[list["Order"]] | None = edge(rings_of)
    score: int | None = edge(scores_of)
    strict_score: int = edge(scores_of)
    partner: Named | None = edge(partners_of)
    hits: list[Hit | None] | None = edge(hits_of)
    strict_hits: list[Hit] | None = edge(hits_of)
    raising: str | None = edge(raise_for_all)
    raising_later: list["Order"] | None = edge(raise_later)
    late: list[str] = edge(statuses_late, late=True)


def find_order(ctx: World, *, n: int) -> Any:
    return records.order(n) if n >= 0 else None


async def find_orders(ctx: World, *, ids: list[int] | None = None) -> Any:
    await a_moment()
    return [records.order(n) if n >= 0 else None for n in (ids if ids is not None else range(5))]


def find_hits(ctx: World, *, n: int = 0) -> Any:
    return _hits(n)


def find_entries(ctx: World, *, first: int = 4) -> Any:
    return [_entry(n) for n in range(first)]


def show(
    ctx: World,
    *,
    where: Filter | None = None,
    at: datetime | None = None,
    level: Status | None = None,
    key: Annotated[strawberry.ID | None, strawberry.argument(description="Any key.")] = None,
    amounts: list[Decimal | None] | None = None,
    ratio: float = 0.5,
) -> str:
    return repr((where, at, level, key, amounts, ratio))


def show_required(ctx: World, *, where: Filter, flag: bool) -> str:
    return repr((where, flag))


def fail_with(ctx: World, *, message: str = "failed") -> Any:
    raise ValueError(message)


async def fail_after_a_moment(ctx: World) -> Any:
    await a_moment()
    raise ValueError("failed later")


def find_matrix(ctx: World) -> Any:
    return [[records.order(1), records.order(2)], [], [records.order(3)]]


@strawberry.type
class Query:
    order: Order | None = root(find_order)
    strict_order: Order = root(find_order)
    orders: list[Order | None] | None = root(find_orders)
    strict_orders: list[Order] | None = root(find_orders)
    search: list[Hit | None] = root(find_hits)
    timeline: list[Entry | None] | None = root(find_entries)
    named: Named | None = root(lambda ctx: records.parcel(3))
    echo: str | None = root(show)
    required: str | None = root(show_required)
    fail: str | None = root(fail_with)
    strict_fail: str = root(fail_with)
    fail_later: Order | None = root(fail_after_a_moment)
    matrix: list[list[Order]] | None = root(find_matrix)
    nothing: Order | None = root(lambda ctx: None)


async def bump_by(ctx: World, *, by: int = 1) -> Any:
    before = ctx.counter
    await a_moment()
    ctx.counter = before + by
    return records.order(ctx.counter)


def refuse_it(ctx: World) -> Any:
    ctx.counter += 100
    raise PermissionError("refused")


@strawberry.type
class Mutation:
    bump: Order | None = mutation(bump_by)
    strict_bump: Order = mutation(bump_by)
    refuse: Order | None = mutation(refuse_it)
    strict_refuse: Order = mutation(refuse_it)
    counter: int | None = mutation(lambda ctx: ctx.counter)


def build_schema() -> strawberry.Schema:
    return strawberry.Schema(query=Query, mutation=Mutation, types=[Note, Picked, Shipped])
