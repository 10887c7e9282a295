"""One canonical field compiled from its declaration: how it is read, and how it is asked for.

`read` makes the canonical value from a row (None where the source has none). `encode` makes the
native rows of canonical values, so that a filter uses the source's own columns and indexes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.config.field_specs import FieldSpec
from hub.model.errors import UnmappedValue
from hub.model.record import Field
from sources.paths import ABSENT, Get, Row, column_get, parent_get, path_get

RECEIVED_LENGTH_MAX = 80  # characters of a native value in a message


class Malformed(Exception):
    """A native value that is not what its field holds; the record becomes a SourceInvalid."""

    def __init__(self, field: str, received: object, expected: str) -> None:
        shown = repr(received)[:RECEIVED_LENGTH_MAX]
        super().__init__(f"field {field!r} = {shown}: {expected}")


class CannotEncode(Exception):
    """The field cannot be asked for in native terms; the message says why."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Native rows, one value per column; `is_complement` means all rows but these."""

    rows: tuple[tuple[Any, ...], ...]
    is_complement: bool = False


Read = Callable[[Row, Row], Any]
Encode = Callable[[Sequence[Any]], Encoded]


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """A compiled field.

    `columns` are the native columns `encode` speaks of. `encode` is None where the field cannot be
    asked for. `is_ordered` says that native order is canonical order, `is_reversed` that it is the
    opposite (a negated amount). `is_text` fields answer contains and startsWith. `moment` is "iso"
    where a text column holds instants or days in an ISO notation of its own.
    """

    field: Field
    columns: tuple[str, ...]
    read: Read
    encode: Encode | None = None
    is_ordered: bool = False
    is_reversed: bool = False
    is_text: bool = False
    moment: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """What compiling a field needs to know of its system and entity.

    `is_flat`: rows are columns (SQL), else documents. `targets` gives the systems a reference may
    name; `base_unit` reads the base unit of the row's item, None where it cannot be reached.
    """

    system: str
    noun: str
    is_flat: bool
    targets: Callable[[FieldSpec, str], frozenset[str]]
    base_unit: Get | None
    on_unmapped: Callable[[str, str], None]

    def get(self, path: str) -> Get:
        return column_get(path) if self.is_flat else path_get(path)

    def parent_get(self, path: str) -> Get:
        return parent_get(path, is_flat=self.is_flat)


Convert = Callable[[Sequence[Any], Row, Row], Any]


def reader(name: str, spec: FieldSpec, shape: Shape, convert: Convert) -> Read:
    """Fetch the native values, answer None where there are none, say what is wrong with them."""
    gets = [shape.get(path) for path in spec.native]
    absent_expected = "the answer has no such member; mark the field `optional` if it may lack"

    def read(row: Row, parent: Row) -> Any:
        natives = [get(row, parent) for get in gets]
        for native in natives:
            if native is ABSENT:
                if spec.optional:
                    return None
                raise Malformed(name, native, absent_expected)
            if native is None or (native == "" and len(natives) == 1 and not spec.values):
                return None
        return converted(name, natives, row, parent, convert)

    return read


def converted(name: str, natives: Sequence[Any], row: Row, parent: Row, convert: Convert) -> Any:
    """The canonical value, or Malformed naming the field, what came and what was expected."""
    try:
        return convert(natives, row, parent)
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        received = natives[0] if len(natives) == 1 else tuple(natives)
        raise Malformed(name, received, str(error)) from error


def words_of(values: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The table backwards: every native word of each canonical value, in the file's order."""
    backwards: dict[str, tuple[str, ...]] = {}
    for native, canonical in values.items():
        backwards[canonical] = (*backwards.get(canonical, ()), native)
    return backwards


ERROR, WARN = "error", "warn"


def translator(name: str, spec: FieldSpec, shape: Shape) -> Callable[[str], str | None]:
    """Native word to canonical word by `values`; a miss does what `otherwise` says."""
    table = dict(spec.values or {})
    known = tuple(table)

    def translate(word: str) -> str | None:
        canonical = table.get(word)
        if canonical is not None:
            return canonical
        shape.on_unmapped(f"{shape.noun}.{name}", word)
        if spec.otherwise == ERROR:
            raise UnmappedValue(shape.system, name, word, known)
        return None if spec.otherwise == WARN else spec.otherwise

    return translate


def words_encoder(spec: FieldSpec) -> Callable[[Sequence[str]], Encoded]:
    """Canonical words to native; the word of `otherwise` is all that is not mapped elsewhere."""
    backwards = words_of(spec.values or {})

    def encode(wanted: Sequence[str]) -> Encoded:
        asked = set(wanted)
        if spec.otherwise in asked and spec.otherwise not in (ERROR, WARN):
            others = [words for word, words in backwards.items() if word not in asked]
            return Encoded(tuple((word,) for words in others for word in words), True)
        found = [word for canonical in wanted for word in backwards.get(canonical, ())]
        return Encoded(tuple((word,) for word in found))

    return encode
