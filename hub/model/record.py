"""What every record of every noun has, and how its canonical fields are declared.

A noun is a frozen dataclass. Its canonical fields are the dataclass fields it declares itself; the
type of each is its kind (`fields_of`): text, whole, decimal, flag, instant, day, money, quantity,
coded (an enum), texts (a tuple of text), reference (`Annotated[Ref | None, To("order")]`) or
children (`tuple[ShipmentLine, ...] | None`: None where the record does not carry them).
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from hub.model.errors import UnmappedValue
from hub.model.values import Attribute, Money, Quantity, Ref

NO_ATTRIBUTES: Mapping[str, Attribute] = types.MappingProxyType({})

Kind = Literal[
    "text", "whole", "decimal", "flag", "instant", "day", "money", "quantity", "coded", "texts",
    "reference", "children",
]  # fmt: skip

_KINDS: dict[Any, Kind] = {
    str: "text", int: "whole", Decimal: "decimal", bool: "flag", datetime: "instant", date: "day",
    Money: "money", Quantity: "quantity", Ref: "reference",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class To:
    """Marks a reference field with the noun it points to."""

    noun: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A fact as one system told it.

    `as_of` is the source's own time of the fact where it has one, else `fetched_at`. `gaps` are the
    coded fields left empty because their native code is not mapped.
    """

    NOUN: ClassVar[str] = ""

    ref: Ref
    as_of: datetime
    fetched_at: datetime
    attributes: Mapping[str, Attribute] = field(default_factory=lambda: NO_ATTRIBUTES)
    gaps: tuple[UnmappedValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One canonical field. `to` is the noun of a reference or of the children; `codes` the enum."""

    name: str
    kind: Kind
    to: str | None = None
    codes: type[Enum] | None = None


_OF_EVERY_RECORD = frozenset(each.name for each in fields(Record))


def fields_of(noun: type[Record]) -> Mapping[str, Field]:
    """The canonical fields of a noun by name, in declared order."""
    key: Any = noun  # mypy takes the hash of the records for that of their class
    return _declared_fields(key)


@cache
def _declared_fields(noun: type[Record]) -> Mapping[str, Field]:
    hints = get_type_hints(noun, include_extras=True)
    own = [each.name for each in fields(noun) if each.name not in _OF_EVERY_RECORD]
    return types.MappingProxyType({name: _field(name, hints[name]) for name in own})


def _field(name: str, hint: Any) -> Field:
    if get_origin(hint) is Annotated:
        marker = next(mark for mark in hint.__metadata__ if isinstance(mark, To))
        return Field(name, "reference", to=marker.noun)
    bare = _without_none(hint)
    if get_origin(bare) is tuple:
        element = get_args(bare)[0]
        if element is str:
            return Field(name, "texts")
        return Field(name, "children", to=element.NOUN)
    if isinstance(bare, type) and issubclass(bare, Enum):
        return Field(name, "coded", codes=bare)
    return Field(name, _KINDS[bare])


def _without_none(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        return next(part for part in get_args(hint) if part is not type(None))
    return hint
