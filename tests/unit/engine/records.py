"""A small world of records that misbehave in fixed ways, by their number."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any


class Status(Enum):
    OPEN = "open"
    HELD = "held"
    DONE = "done"


class Kind(Enum):
    PICKED = "picked"
    SHIPPED = "shipped"
    UNSAID = "unsaid"  # no GraphQL type stands for it


@dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: str


@dataclass(frozen=True)
class Customer:
    n: int
    name: str | None
    tier: Status | None


@dataclass(frozen=True)
class Parcel:
    n: int
    name: str
    weight: Any


@dataclass(frozen=True)
class Happening:
    n: int
    kind: Kind
    name: str
    place: str | None


@dataclass(frozen=True)
class Note:
    n: int
    name: str
    text: str


@dataclass(frozen=True)
class Stray:
    """A record no GraphQL type stands for."""

    n: int
    name: str = "stray"


@dataclass(frozen=True)
class Line:
    n: int
    sku: str | None
    quantity: Decimal
    weight: float | None

    @property
    def bin(self) -> str:
        if self.n % 5 == 3:
            raise LookupError(f"line {self.n} has no bin")
        return f"B-{self.n}"


@dataclass(frozen=True)
class Page:
    nodes: Sequence[Any]
    total: int


@dataclass(frozen=True)
class Order:
    n: int

    @property
    def number(self) -> str:
        return f"SO-{self.n}"

    @property
    def status(self) -> Any:
        return "nonsense" if self.n % 13 == 12 else list(Status)[self.n % 3]

    @property
    def total(self) -> Any:
        if self.n % 4 == 0:
            return None
        nowhere: Any = None
        return Money(Decimal(self.n) / 4, "EUR") if self.n % 6 else Money(Decimal(1), nowhere)

    @property
    def tags(self) -> Any:
        return ["a", None, f"t{self.n}"] if self.n % 3 == 0 else ("x", "y")

    @property
    def grid(self) -> Any:
        cells: list[Any] = [[1, self.n], None, [3, None]] if self.n % 2 else [[], [2**40], [5]]
        return cells

    @property
    def weight(self) -> Any:
        return [1.5, 2, float("inf"), None, "heavy"][self.n % 5]

    @property
    def count(self) -> Any:
        return [self.n, 2**31, "7", True, None, 3.0, 3.5][self.n % 7]

    @property
    def is_urgent(self) -> Any:
        return [True, False, 1, "yes", None][self.n % 5]

    @property
    def placed_at(self) -> Any:
        if self.n % 6 == 5:
            return "yesterday"
        return datetime(2026, 1, 1, 8, tzinfo=UTC) + timedelta(days=self.n)

    @property
    def due_on(self) -> date | None:
        return None if self.n % 3 == 1 else date(2026, 2, 1)

    @property
    def reference(self) -> Any:
        return [f"r{self.n}", self.n, 1.5, None][self.n % 4]

    @property
    def boom(self) -> str:
        if self.n % 5 == 4:
            raise ValueError(f"order {self.n} exploded")
        return f"calm {self.n}"

    @property
    def returned_error(self) -> Any:
        return KeyError("returned, not raised") if self.n % 2 else "fine"

    @property
    def lines(self) -> Any:
        return tuple(line(self.n * 10 + i) for i in range(self.n % 4))

    @property
    def maybe_lines(self) -> Any:
        cases: list[Any] = [
            [line(1), None, line(2)], None, "text is no list", 42, [],
            [line(3), ValueError("a line failed")], [line(4), Stray(1)], (line(8), line(13)),
        ]  # fmt: skip
        return cases[self.n % len(cases)]

    @property
    def stranger(self) -> Any:
        return [customer(self.n), Money(Decimal(1), "USD"), None][self.n % 3]

    @property
    def page(self) -> Any:
        return Page([self.neighbour(1), self.neighbour(2)], 2) if self.n % 3 else None

    @property
    def notes(self) -> Any:
        return (
            [note(self.n), Stray(self.n)] if self.n % 4 == 3 else [note(self.n), customer(self.n)]
        )

    def neighbour(self, step: int) -> "Order":
        return order((self.n + step) % 40)


def order(n: int) -> Order:
    return Order(n)


def line(n: int) -> Line:
    return Line(n, None if n % 7 == 6 else f"SKU-{n}", Decimal(n) / 2, [1.25, None][n % 2])


def customer(n: int) -> Customer:
    return Customer(n, None if n % 5 == 2 else f"C{n}", [None, *Status][n % 4])


def parcel(n: int) -> Parcel:
    return Parcel(n, f"P{n}", ["light", 2.5, None][n % 3])


def happening(n: int) -> Happening:
    return Happening(n, list(Kind)[n % 3], f"H{n}", "dock" if n % 2 else None)


def note(n: int) -> Note:
    return Note(n, f"N{n}", "text")
