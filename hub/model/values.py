"""Value types every noun is made of. Decimal inside, never float; instants aware and in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import NamedTuple
from urllib.parse import quote, unquote


class Ref(NamedTuple):
    """The identity of a record in the system that owns it. `key` is the native key as text.

    A composite key is its parts joined by `/`, each part percent-encoded (see `join_key`).
    """

    noun: str
    system: str
    key: str


def join_key(parts: tuple[str, ...]) -> str:
    """One text for a composite key; a single part stays as it is, whatever it contains."""
    if len(parts) == 1:
        return parts[0]
    return "/".join(quote(part, safe=" ") for part in parts)


def split_key(key: str, *, count: int) -> tuple[str, ...]:
    """The parts of a key made by `join_key`; ValueError where their number is not `count`."""
    if count == 1:
        return (key,)
    parts = tuple(unquote(part) for part in key.split("/"))
    if len(parts) != count:
        raise ValueError(f"a key of {count} parts joined by '/' was expected, got {key!r}")
    return parts


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in one currency (ISO 4217). Sums exist only within a currency."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount + other.amount, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A count or measure in one unit (UN/ECE Recommendation 20 code, `EA` for pieces)."""

    value: Decimal
    uom: str

    def __add__(self, other: Quantity) -> Quantity:
        if other.uom != self.uom:
            raise ValueError(f"cannot add {other.uom} to {self.uom}")
        return Quantity(self.value + other.value, self.uom)


class Staleness(Enum):
    """How far a fact may be trusted as current."""

    FRESH = "FRESH"
    STALE = "STALE"
    EXPIRED = "EXPIRED"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which system said it, when it was true there, when the hub read it."""

    system: str
    as_of: datetime | None
    fetched_at: datetime | None
    staleness: Staleness
    from_cache: bool


class AttributeType(Enum):
    """What an attribute (a company's own extra field) may be."""

    STRING = "STRING"
    INTEGER = "INTEGER"
    DECIMAL = "DECIMAL"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    INSTANT = "INSTANT"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A typed extra field of a noun; `value` is canonical text, `visible_to` names roles.

    An empty `visible_to` means every role but customers and integrations.
    """

    key: str
    type: AttributeType
    value: str | None
    system: str
    visible_to: frozenset[str]
