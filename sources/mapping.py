"""An entity of the systems file compiled once: native row to canonical record, and back.

The names in a systems file are only ever looked up in rows or bound as columns; a native value
never becomes a part of a statement, a URL or a template.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hub.config.field_specs import AttributeSpec, FieldSpec
from hub.config.specs import EntitySpec
from hub.model.catalog import NOUNS
from hub.model.errors import SourceInvalid, UnmappedValue
from hub.model.record import NO_ATTRIBUTES, Field, Kind, Record, fields_of
from hub.model.values import Attribute, AttributeType, Ref, join_key
from sources.fields import FieldMapping, Malformed, Read, Shape
from sources.kinds import compile_field
from sources.numbers import text_of
from sources.paths import ABSENT, Get, Row
from sources.references import key_of, native_key

CHILDREN_MAX = 10_000  # nested children of one record
# Fields that hold the source's own time of the fact, the first one a noun has.
_FACT_TIMES = ("updated_at", "occurred_at", "sent_at", "counted_at")
_ATTRIBUTE_KINDS: Mapping[str, Kind] = {
    "string": "text", "integer": "whole", "decimal": "decimal", "boolean": "flag", "date": "day",
    "instant": "instant",
}  # fmt: skip


class SpecUnusable(Exception):
    """A declaration that cannot be compiled; `path` are the keys below the entity."""

    def __init__(self, path: tuple[str, ...], message: str) -> None:
        super().__init__(f"{'.'.join(path)}: {message}")
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class EntityMapping:
    """One noun of one system. `key` are its native key columns, `fields` its compiled fields."""

    system: str
    noun: str
    key: tuple[str, ...]
    fields: Mapping[str, FieldMapping]
    carries: frozenset[str]
    targets: Mapping[str, frozenset[str]]
    build: Callable[[Row, datetime], Record]
    key_of_row: Callable[[Row], str]

    def record(self, row: Row, fetched_at: datetime) -> Record | SourceInvalid:
        """The record of a row, or what is wrong with it: other rows are not concerned."""
        try:
            return self.build(row, fetched_at)
        except Malformed as error:
            return SourceInvalid(self.system, f"{self.noun}: {error}")

    def identify(self, row: Row) -> str | None:
        """The key of a row that may be unreadable otherwise, None where even that is broken."""
        try:
            return self.key_of_row(row)
        except Malformed:
            return None

    def native_key(self, key: str) -> tuple[str, ...] | None:
        """The native texts of a key, None where no record of this entity can have it."""
        return native_key(key, None, len(self.key))


@dataclass(frozen=True, slots=True)
class _Child:
    """Nested children: where they are, what identifies one, how its fields are read."""

    name: str
    noun: str
    elements: Get
    key: tuple[Get, ...]
    back: str | None
    is_optional: bool
    fields: Mapping[str, Read]


def compile_entity(spec: EntitySpec, shape: Shape) -> EntityMapping:
    """Compile all fields of an entity; SpecUnusable names the field that cannot be compiled."""
    known = fields_of(NOUNS[spec.noun])
    plain, children = {}, []
    for name, field_spec in spec.fields.items():
        field = _known_field(known, name, spec.noun)
        if field.kind == "children":
            children.append(_child(field, field_spec, spec.noun, shape))
        else:
            plain[name] = _compiled(field, field_spec, shape, ("fields", name))
    key_gets = tuple(shape.get(column) for column in spec.key)
    attributes = tuple(_attribute(name, each, shape) for name, each in spec.attributes.items())
    return EntityMapping(
        shape.system,
        spec.noun,
        spec.key,
        plain,
        frozenset(child.name for child in children),
        _targets(spec.fields, known, shape),
        _builder(spec, shape, plain, children=tuple(children), attributes=attributes),
        lambda row: _key(key_gets, row, spec.key),
    )


def _known_field(known: Mapping[str, Field], name: str, noun: str) -> Field:
    if name not in known:
        raise SpecUnusable(("fields", name), f"a {noun} has no such field")
    return known[name]


def _compiled(field: Field, spec: FieldSpec, shape: Shape, path: tuple[str, ...]) -> FieldMapping:
    try:
        return compile_field(field, spec, shape)
    except (ValueError, ImportError, AttributeError) as error:
        raise SpecUnusable(path, str(error)) from error


def _targets(
    specs: Mapping[str, FieldSpec], known: Mapping[str, Field], shape: Shape
) -> dict[str, frozenset[str]]:
    return {
        name: shape.targets(spec, field.to)
        for name, spec in specs.items()
        if (field := known[name]).kind == "reference" and field.to is not None
    }


def _builder(
    spec: EntitySpec,
    shape: Shape,
    plain: Mapping[str, FieldMapping],
    *,
    children: tuple[_Child, ...],
    attributes: tuple[_AttributeRead, ...],
) -> Callable[[Row, datetime], Record]:
    """One function from a row to its record; it raises Malformed."""
    make = NOUNS[spec.noun]
    key_gets = tuple(shape.get(column) for column in spec.key)
    reads = tuple((name, mapping.read) for name, mapping in plain.items())
    fact_time = next((name for name in _FACT_TIMES if name in plain), None)

    def build(row: Row, fetched_at: datetime) -> Record:
        ref = Ref(spec.noun, shape.system, _key(key_gets, row, spec.key))
        values, gaps = _values(reads, row, row)
        for child in children:
            values[child.name] = _records(child, row, ref, fetched_at)
        as_of = values.get(fact_time) if fact_time else None
        return make(
            ref=ref,
            as_of=as_of or fetched_at,
            fetched_at=fetched_at,
            attributes=_attributes(attributes, row),
            gaps=gaps,
            **values,
        )

    return build


def _key(gets: tuple[Get, ...], row: Row, columns: tuple[str, ...]) -> str:
    natives = [get(row, row) for get in gets]
    if any(native is None or native is ABSENT for native in natives):
        raise Malformed("key", natives, f"a value in {', '.join(columns)} was expected")
    try:
        return key_of(natives)
    except ValueError as error:
        raise Malformed("key", natives, str(error)) from error


def _values(
    reads: tuple[tuple[str, Read], ...], row: Row, parent: Row
) -> tuple[dict[str, Any], tuple[UnmappedValue, ...]]:
    """The field values; a code without a row in its table leaves its field empty, with the gap."""
    values: dict[str, Any] = {}
    gaps: tuple[UnmappedValue, ...] = ()
    for name, read in reads:
        try:
            values[name] = read(row, parent)
        except UnmappedValue as gap:
            gaps = (*gaps, gap)
    return values, gaps


def _child(field: Field, spec: FieldSpec, parent: str, shape: Shape) -> _Child:
    if shape.is_flat or spec.each is None or spec.fields is None or field.to is None:
        raise SpecUnusable(("fields", field.name), "children need `each` in a document")
    child_shape = Shape(
        shape.system, field.to, False, shape.targets, base_unit=None, on_unmapped=shape.on_unmapped
    )
    known = fields_of(NOUNS[field.to])
    fields = {}
    for name, each in spec.fields.items():
        path = ("fields", field.name, "fields", name)
        fields[name] = _compiled(_known_field(known, name, field.to), each, child_shape, path).read
    back = [each.name for each in known.values() if each.to == parent]
    return _Child(
        field.name,
        field.to,
        shape.get(spec.each),
        tuple(shape.get(path) for path in spec.key or ()),
        back[0] if back and back[0] not in fields else None,
        spec.optional,
        fields,
    )


def _records(
    child: _Child, row: Row, parent: Ref, fetched_at: datetime
) -> tuple[Record, ...] | None:
    """The nested children in the answer's order; None where the record does not carry them."""
    elements = child.elements(row, row)
    if elements is None or (elements is ABSENT and child.is_optional):
        return None
    if not isinstance(elements, list) or len(elements) > CHILDREN_MAX:
        expected = f"a list of at most {CHILDREN_MAX} was expected; `optional` where it may lack"
        raise Malformed(child.name, type(elements).__name__, expected)
    reads = tuple(child.fields.items())
    found = []
    for position, element in enumerate(elements, start=1):
        if not isinstance(element, Mapping):
            raise Malformed(f"{child.name}[{position}]", element, "an object was expected")
        values, gaps = _values(reads, element, row)
        if child.back is not None:
            values[child.back] = parent
        own = _key(child.key, element, (child.name,)) if child.key else str(position)
        ref = Ref(child.noun, parent.system, join_key((parent.key, own)))
        found.append(
            NOUNS[child.noun](ref=ref, as_of=fetched_at, fetched_at=fetched_at, gaps=gaps, **values)
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _AttributeRead:
    name: str
    type: AttributeType
    system: str
    visible_to: frozenset[str]
    read: Read


def _attribute(name: str, spec: AttributeSpec, shape: Shape) -> _AttributeRead:
    field = Field(name, _ATTRIBUTE_KINDS[spec.type])
    made = FieldSpec.model_validate(spec.model_dump(exclude={"type", "visible_to"}))
    compiled = _compiled(field, made, shape, ("attributes", name))
    return _AttributeRead(
        name,
        AttributeType[spec.type.upper()],
        shape.system,
        frozenset(spec.visible_to),
        compiled.read,
    )


def _attributes(reads: tuple[_AttributeRead, ...], row: Row) -> Mapping[str, Attribute]:
    if not reads:
        return NO_ATTRIBUTES
    return {
        each.name: Attribute(
            each.name, each.type, _attribute_text(each.read(row, row)), each.system, each.visible_to
        )
        for each in reads
    }


def _attribute_text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds" if value.microsecond else "seconds")
    return value.isoformat() if isinstance(value, date) else text_of(value)
