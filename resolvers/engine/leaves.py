"""How a leaf is written inline: the class whose values need nothing, or one cheap step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
)
from strawberry.schema.types.base_scalars import isoformat

from resolvers.engine.complete import leaf
from resolvers.fields import DEFINITION_KEY
from resolvers.partial import Partial


class Surprise(Exception):
    """A generated loop met a value it does not build; the careful path takes the record."""


@dataclass(frozen=True, slots=True)
class InlineLeaf:
    """`is_ready` and `step` are templates over `{v}`: a value that is ready is shown as it is, or
    after `step`; every other value goes through the type's own serializer."""

    is_ready: str
    step: str | None = None
    constants: tuple[tuple[str, Any], ...] = ()


_BUILT_IN: dict[Any, InlineLeaf] = {
    GraphQLString: InlineLeaf("{v}.__class__ is str"),
    GraphQLID: InlineLeaf("{v}.__class__ is str"),
    GraphQLBoolean: InlineLeaf("{v}.__class__ is bool"),
    GraphQLInt: InlineLeaf("{v}.__class__ is int and -2147483648 <= {v} <= 2147483647"),
    GraphQLFloat: InlineLeaf("{v}.__class__ is float and {v} - {v} == 0.0"),  # not inf, not nan
}
_AS_TEXT = (Decimal, UUID)
_AS_ISO = (date, datetime, time)


def inline_leaf(type_: Any) -> InlineLeaf | None:
    """None where only the type's serializer knows."""
    if type_ in _BUILT_IN:
        return _BUILT_IN[type_]
    if isinstance(type_, GraphQLEnumType):
        return _inline_enum(type_)
    origin = getattr(type_.extensions.get(DEFINITION_KEY), "origin", None)
    ready = f"{{v}}.__class__ is {type_.name}_class"
    constants = ((f"{type_.name}_class", origin),)
    if type_.coerce_output_value is str and origin in _AS_TEXT:
        return InlineLeaf(ready, "str({v})", constants)
    if type_.coerce_output_value is isoformat and origin in _AS_ISO:
        return InlineLeaf(ready, "{v}.isoformat()", constants)
    return None


def _inline_enum(type_: GraphQLEnumType) -> InlineLeaf | None:
    members = getattr(type_, "wrapped_cls", None)
    if not (isinstance(members, type) and issubclass(members, Enum)):
        return None
    names = {member.name: type_.coerce_output_value(member) for member in members}
    ready = f"{{v}}.__class__ is {type_.name}_class"
    constants: tuple[tuple[str, Any], ...] = ((f"{type_.name}_class", members),)
    if all(name == shown for name, shown in names.items()):
        return InlineLeaf(ready, "{v}._name_", constants)  # hashing a member costs 0.36 us
    constants += ((f"{type_.name}_names", names),)
    return InlineLeaf(ready, f"{type_.name}_names[{{v}}._name_]", constants)


def strict_leaf(type_: Any) -> Callable[[Any], Any]:
    """The type's serializer for generated code, surprised by what is no value at all."""

    def serialize(value: Any) -> Any:
        if value is None or isinstance(value, (Exception, Partial)):
            raise Surprise
        return leaf(type_, value)

    return serialize
