"""How one canonical field is made from native ones: the typed form of a line under `fields:`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic import model_validator as check_model
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from hub.config import formats
from hub.config.vocabulary import ITEM_UNIT


class Node(BaseModel):
    """A frozen part of the systems file that knows all its words and refuses any other."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Short(Node):
    """A node that may be written as one bare word; `_spell_out` says what the word stands for."""

    @check_model(mode="before")
    @classmethod
    def _from_word(cls, given: Any) -> Any:
        return cls._spell_out(given) if isinstance(given, str) else given

    @classmethod
    def _spell_out(cls, word: str) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [_WORD_SCHEMA, handler(core)]}


def wrong(expected: str) -> PydanticCustomError:
    """A refusal that says what was expected; what was received is read from the file."""
    return PydanticCustomError("wrong", "not valid", {"expected": expected})


_SECONDS_MAX = 31_536_000.0  # seconds, a year


def _seconds(given: Any) -> float:
    try:
        seconds = formats.duration_s(given) if isinstance(given, str) else float(given)
    except (TypeError, ValueError):
        raise wrong(formats.DURATION_FORM) from None
    if not 0 < seconds <= _SECONDS_MAX:
        raise wrong("a duration of more than nothing and at most a year")
    return seconds


def _words(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


Seconds = Annotated[
    float,
    BeforeValidator(_seconds),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|min|h|d)|\$\{.*)$"}),
]
"""A duration in seconds, written `2s`, `1500ms`, `10m`."""

_COLUMNS_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 8},
    ]
}

Columns = Annotated[
    tuple[str, ...],
    BeforeValidator(_words),
    Field(min_length=1, max_length=8),
    WithJsonSchema(_COLUMNS_SCHEMA),
]
"""One or several native columns or paths; a bare word is one."""

_WORD_SCHEMA: dict[str, Any] = {"type": ["string", "number", "boolean"]}
_TABLE_SCHEMA: dict[str, Any] = {
    "type": "object", "minProperties": 1, "additionalProperties": _WORD_SCHEMA,
}  # fmt: skip

Table = Annotated[dict[str, str], Field(min_length=1), WithJsonSchema(_TABLE_SCHEMA)]
"""Native text to canonical text. Keys are the text that stands in the file: `10` is "10"."""


def _path_as_column(given: Any) -> Any:
    if isinstance(given, Mapping) and "path" in given and "column" not in given:
        return {("column" if word == "path" else word): each for word, each in given.items()}
    return given


class CurrencySpec(Short):
    """Exactly one: a native `column`, a `const` (ISO 4217), or a column of the `parent`."""

    column: str | None = None
    const: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    parent: str | None = None

    @classmethod
    def _spell_out(cls, word: str) -> dict[str, Any]:
        return {"column": word}


class UnitSpec(Short):
    """Exactly one: a `const` (UN/ECE code), a native `column`, or the item's base unit."""

    column: str | None = None
    const: str | None = Field(None, pattern=r"^[A-Z0-9]{2,3}$")
    item: bool = False

    @classmethod
    def _spell_out(cls, word: str) -> dict[str, Any]:
        return {"item": True} if word == ITEM_UNIT else {"const": word}


class ToSpec(Short):
    """Whose record a reference names: `system` and `noun`, or a `column` that tells the system."""

    system: str | None = None
    noun: str | None = None
    column: str | None = None
    values: Table | None = None

    @classmethod
    def _spell_out(cls, word: str) -> dict[str, Any]:
        system, dot, noun = word.rpartition(".")
        return {"system": system, "noun": noun} if dot else {"system": word}


class FieldSpec(Short):
    """One canonical field. Exactly one of column, columns, const, python or each makes it.

    `path` is another word for `column`. `columns` of a reference are the parts of a composite key,
    of any other field they are joined by a blank before `read`. `key`, of children nested by
    `each`, are the paths that identify a child in its parent; without it its position does.
    """

    column: str | None = None
    columns: Annotated[tuple[str, ...], Field(min_length=1, max_length=8)] | None = None
    const: Annotated[str, WithJsonSchema(_WORD_SCHEMA)] | None = None
    python: str | None = Field(None, pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    each: str | None = None
    entity: str | None = None
    key: Columns | None = None
    fields: dict[str, FieldSpec] | None = None
    values: Table | None = None
    otherwise: str = "error"
    read: str | None = None
    write: str | None = None
    type: Literal["integer", "text", "decimal"] | None = None
    zone: str | None = None
    unit: UnitSpec | None = None
    currency: CurrencySpec | None = None
    negate: bool = False
    optional: bool = False
    to: ToSpec | None = None

    @classmethod
    def _spell_out(cls, word: str) -> dict[str, Any]:
        return {"column": word}

    @check_model(mode="before")
    @classmethod
    def _path_is_column(cls, given: Any) -> Any:
        return _path_as_column(given)

    @property
    def native(self) -> tuple[str, ...]:
        """The native columns or paths the value itself is made of, none for a constant."""
        if self.columns is not None:
            return self.columns
        return () if self.column is None else (self.column,)


class AttributeSpec(Short):
    """A typed extra field. An empty `visible_to` means all roles but customer and integration."""

    column: str
    type: Literal["string", "integer", "decimal", "boolean", "date", "instant"] = "string"
    visible_to: tuple[str, ...] = ()
    values: Table | None = None
    read: str | None = None
    zone: str | None = None
    optional: bool = False

    @classmethod
    def _spell_out(cls, word: str) -> dict[str, Any]:
        return {"column": word}

    @check_model(mode="before")
    @classmethod
    def _path_is_column(cls, given: Any) -> Any:
        return _path_as_column(given)
