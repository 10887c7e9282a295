"""Reference fields: which system's record a native key names, read and asked backwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.config.field_specs import FieldSpec
from hub.model.record import Field
from hub.model.values import Ref, join_key, split_key
from sources.codecs import Template, template_of
from sources.fields import (
    Convert,
    Encode,
    Encoded,
    FieldMapping,
    Read,
    Shape,
    reader,
    words_of,
)
from sources.numbers import text_of
from sources.paths import ABSENT, Row


def reference_field(field: Field, spec: FieldSpec, shape: Shape) -> FieldMapping:
    """A reference to one fixed system, or to the system a column names."""
    if field.to is None:
        raise ValueError("a reference without the noun it points to")
    template = None if spec.write is None else template_of(spec.write)
    switch = None if spec.to is None else spec.to.column
    if switch is not None:
        return _switched(field, spec, shape, switch, template)
    targets = shape.targets(spec, field.to)
    if len(targets) != 1:
        raise ValueError(f"`to` must name one system, {len(targets)} serve {field.to}")
    (system,) = targets
    convert = _to_one(field.to, system, template)
    encode = _encode_one(system, template, len(spec.native))
    return FieldMapping(
        field, spec.native, reader(field.name, spec, shape, convert), encode, is_ordered=False
    )


def _to_one(noun: str, system: str, template: Template | None) -> Convert:
    def convert(natives: Sequence[Any], row: Row, parent: Row) -> Ref:
        return Ref(noun, system, key_of(natives, template))

    return convert


def key_of(natives: Sequence[Any], template: Template | None = None) -> str:
    """The canonical key of native key values; ValueError where one is empty or has no form."""
    texts = [text_of(native) for native in natives]
    if not all(texts):
        raise ValueError("a key was expected, not an empty text")
    if template is not None:
        return template.invert(texts[0])
    return join_key(tuple(texts))


def native_key(key: str, template: Template | None, count: int) -> tuple[str, ...] | None:
    """The native texts of a canonical key, None where it can be no key of this form."""
    try:
        if template is not None:
            return (template.render(key),)
        return split_key(key, count=count)
    except ValueError:
        return None


def _encode_one(system: str, template: Template | None, count: int) -> Encode:
    def encode(refs: Sequence[Ref]) -> Encoded:
        mine = (native_key(ref.key, template, count) for ref in refs if ref.system == system)
        return Encoded(tuple(row for row in mine if row is not None))

    return encode


def _switched(
    field: Field, spec: FieldSpec, shape: Shape, switch: str, template: Template | None
) -> FieldMapping:
    """A column tells which system the key belongs to: two companies in one table."""
    assert spec.to is not None and field.to is not None  # asked for by the caller
    systems = dict(spec.to.values or {})
    words = words_of(systems)
    switch_get = shape.get(switch)

    def convert(natives: Sequence[Any], row: Row, parent: Row) -> Ref:
        word = switch_get(row, parent)
        if word is None or word is ABSENT or text_of(word) not in systems:
            raise ValueError(f"{switch} = {word!r}, one of {', '.join(systems)} was expected")
        return Ref(field.to or "", systems[text_of(word)], key_of(natives, template))

    def encode(refs: Sequence[Ref]) -> Encoded:
        keys = ((ref, native_key(ref.key, template, len(spec.native))) for ref in refs)
        return Encoded(
            tuple(
                (*key, word)
                for ref, key in keys
                if key is not None
                for word in words.get(ref.system, ())
            )
        )

    read: Read = reader(field.name, spec, shape, convert)
    return FieldMapping(field, (*spec.native, switch), read, encode)
