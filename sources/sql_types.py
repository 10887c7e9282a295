"""Native column types, and canonical texts and values brought into them for binding.

A value that no row of the column can hold is Unfit: it matches nothing, and the database is not
asked (PostgreSQL would refuse the whole statement for one `abc` in a list of integers).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal
from uuid import UUID

from sqlalchemy.types import UserDefinedType

from sources.codecs import MomentText
from sources.numbers import text_of

Family = Literal[
    "integer", "decimal", "float", "text", "boolean", "uuid", "timestamp", "timestamptz", "date",
    "unknown",
]  # fmt: skip


class Unfit(Exception):
    """The column can hold no such value."""


@dataclass(frozen=True, slots=True)
class ColumnType:
    """`name` is PostgreSQL's own name of the type, for casts; `bits` bounds its integers."""

    family: Family
    name: str = "text"
    bits: int = 64


class NativeType(UserDefinedType[Any]):
    """A type by the name the database itself gave it."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        return self.name


_POSTGRES: Mapping[str, ColumnType] = {
    "int2": ColumnType("integer", "int2", 16),
    "int4": ColumnType("integer", "int4", 32),
    "int8": ColumnType("integer", "int8", 64),
    "numeric": ColumnType("decimal", "numeric"),
    "float4": ColumnType("float", "float4"),
    "float8": ColumnType("float", "float8"),
    "bool": ColumnType("boolean", "bool"),
    "uuid": ColumnType("uuid", "uuid"),
    "timestamp": ColumnType("timestamp", "timestamp"),
    "timestamptz": ColumnType("timestamptz", "timestamptz"),
    "date": ColumnType("date", "date"),
    "text": ColumnType("text", "text"),
    "varchar": ColumnType("text", "varchar"),
    "bpchar": ColumnType("text", "bpchar"),
    "citext": ColumnType("text", "citext"),
}


def postgres_type(name: str) -> ColumnType:
    """The type of a column as the server describes it; one we do not know compares as text."""
    return _POSTGRES.get(name, ColumnType("unknown", "text"))


def sqlite_type(declared: str | None) -> ColumnType:
    """The affinity SQLite gives a declared type; an expression has none."""
    if not declared:
        return ColumnType("unknown")
    word = declared.upper()
    if "INT" in word:
        return ColumnType("integer")
    if any(part in word for part in ("CHAR", "CLOB", "TEXT")):
        return ColumnType("text")
    if any(part in word for part in ("REAL", "FLOA", "DOUB", "NUMERIC", "DECIMAL")):
        return ColumnType("float")
    return ColumnType("unknown")


_WHOLE = re.compile(r"-?(?:0|[1-9]\d*)")


def fit(value: Any, column: ColumnType) -> Any:
    """The value in the column's own type; Unfit where no row can hold it."""
    try:
        return _FITS[column.family](value, column)
    except (ValueError, TypeError, ArithmeticError, InvalidOperation) as error:
        raise Unfit from error


def _integer(value: Any, column: ColumnType) -> int:
    text = str(int(value)) if isinstance(value, MomentText) else text_of(value)
    if not _WHOLE.fullmatch(text):
        raise ValueError
    number = int(text)
    if not -(1 << (column.bits - 1)) <= number < 1 << (column.bits - 1):
        raise ValueError
    return number


def _decimal(value: Any, column: ColumnType) -> Decimal:
    number = value if isinstance(value, Decimal) else Decimal(text_of(value))
    if not number.is_finite():
        raise ValueError
    return number


def _text(value: Any, column: ColumnType) -> str:
    text = value.isoformat() if isinstance(value, date) else text_of(value)
    if "\0" in text:
        raise ValueError
    return text


def _boolean(value: Any, column: ColumnType) -> bool:
    words = {"true": True, "false": False, "1": True, "0": False}
    return words[text_of(value).lower()]


def _uuid(value: Any, column: ColumnType) -> UUID:
    found = UUID(text_of(value))
    if str(found) != text_of(value):
        raise ValueError
    return found


def _timestamp(value: Any, column: ColumnType) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError
    return value.replace(tzinfo=None)


def _timestamptz(value: Any, column: ColumnType) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError
    return value


def _date(value: Any, column: ColumnType) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(value)


_FITS: Mapping[Family, Callable[[Any, ColumnType], Any]] = {
    "integer": _integer,
    "decimal": _decimal,
    "float": lambda value, column: float(_decimal(value, column)),
    "text": _text,
    "boolean": _boolean,
    "uuid": _uuid,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
    "date": _date,
    "unknown": _text,
}
