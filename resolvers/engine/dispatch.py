"""Which object type a record stands for, by its class and, where declared, one attribute."""

from __future__ import annotations

from enum import Enum
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema

from resolvers.fields import Representation, representation_of


class Kinds:
    """The possible object types of a field's value, found by `type(record)`."""

    def __init__(self, object_types: list[GraphQLObjectType]) -> None:
        self.representations: list[tuple[Representation, str]] = []
        for object_type in object_types:
            representation = representation_of(object_type)
            if representation is not None:
                self.representations.append((representation, object_type.name))
        self._by_class: dict[type, str | None] = {}
        tagged = {one.record for one, _ in self.representations if one.by is not None}
        for representation, name in self.representations:
            if representation.record not in tagged:
                self._by_class[representation.record] = name

    def name_of(self, record: Any) -> str | None:
        """The name of the object type; None where no possible type stands for the record."""
        found = self._by_class.get(record.__class__)
        if found is not None:
            return found
        matching = (name for one, name in self.representations if one.matches(record))
        return next(matching, None)


def check_kinds(schema: GraphQLSchema, abstract_name: str, kinds: Kinds) -> list[str]:
    """What stands in the way of telling the possible types of an abstract type apart."""
    seen: dict[tuple[type, Any], str] = {}
    problems: list[str] = []
    for representation, name in kinds.representations:
        for value in representation.values or (None,):
            key = (representation.record, value.name if isinstance(value, Enum) else value)
            if key in seen:
                problems.append(
                    f"{abstract_name}: {seen[key]} and {name} stand for the same records"
                )
            seen[key] = name
    return problems
