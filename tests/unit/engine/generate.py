"""Random valid documents over any schema, one per seed.

A response key always stands for the same field with the same arguments on the same type, so that
whatever is repeated can be merged.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_required_argument,
)

DEPTH_MAX = 5
FIELDS_MAX = 28
FALLBACK_LITERALS = {
    "Int": ["0", "1", "2", "3", "5", "7", "11"],
    "Float": ["0.5", "2"],
    "String": ['"a"', '"zz"'],
    "ID": ['"k"', "7"],
    "Boolean": ["true", "false"],
    "DateTime": ['"2026-03-04T05:06:07+00:00"'],
    "Decimal": ['"1.10"', "2"],
}
VARIABLE_VALUES: dict[str, list[Any]] = {
    "Int": [0, 1, 2, 4, 8],
    "Boolean": [True, False],
    "String": ["v"],
}


@dataclass(frozen=True)
class Generated:
    source: str
    variables: dict[str, Any]


@dataclass
class _Writer:
    schema: GraphQLSchema
    random: Random
    fields_left: int = FIELDS_MAX
    fragments: dict[str, list[str]] = field(default_factory=dict)
    fragment_texts: list[str] = field(default_factory=list)
    declared: dict[str, str] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def selection_set(self, type_: GraphQLNamedType, depth: int) -> str:
        parts = [self.part(type_, depth) for _ in range(self.random.randint(1, 5))]
        return "{ " + " ".join(parts) + " }"

    def part(self, type_: GraphQLNamedType, depth: int) -> str:
        roll = self.random.random()
        if roll < 0.06:
            return self.random.choice(["__typename", "kind: __typename"])
        if roll < 0.2 or (is_abstract_type(type_) and roll < 0.7):
            return self.fragment(type_, depth)
        if not getattr(type_, "fields", None):
            return "__typename"
        return self.field(type_, depth)

    def fragment(self, type_: GraphQLNamedType, depth: int) -> str:
        condition = self.random.choice(self.conditions(type_))
        known = self.fragments.get(condition.name, [])
        if known and self.chance(0.5):
            return f"...{self.random.choice(known)}{self.directive()}"
        body = self.selection_set(condition, depth)
        if self.chance(0.5):
            return f"... on {condition.name}{self.directive()} {body}"
        name = f"f{len(self.fragment_texts)}"
        self.fragment_texts.append(f"fragment {name} on {condition.name} {body}")
        self.fragments.setdefault(condition.name, []).append(name)
        return f"...{name}{self.directive()}"

    def conditions(self, type_: GraphQLNamedType) -> list[GraphQLNamedType]:
        if is_abstract_type(type_):
            return [type_, *self.schema.get_possible_types(type_)]
        return [type_, *getattr(type_, "interfaces", ())]

    def field(self, type_: GraphQLNamedType, depth: int) -> str:
        candidates = [
            (name, one)
            for name, one in type_.fields.items()  # type: ignore[attr-defined]
            if self.is_leaf(one) or (depth < DEPTH_MAX and self.fields_left > 0)
        ]
        if not candidates:
            return "__typename"
        self.fields_left -= 1
        name, definition = self.random.choice(candidates)
        arguments = self.arguments(definition)
        text = f"{self.key(type_, name, arguments)}{name}{arguments}{self.directive()}"
        if self.is_leaf(definition):
            return text
        return f"{text} {self.selection_set(get_named_type(definition.type), depth + 1)}"

    def is_leaf(self, definition: GraphQLField) -> bool:
        return is_leaf_type(get_named_type(definition.type))

    def key(self, type_: GraphQLNamedType, name: str, arguments: str) -> str:
        """An alias that says type, field and arguments; none for a bare name only one type has."""
        told = "".join(one if one.isalnum() else "_" for one in arguments)
        return f"{type_.name}_{name}{told}: "

    def arguments(self, definition: GraphQLField) -> str:
        given = [
            f"{name}: {self.argument(one)}"
            for name, one in definition.args.items()
            if is_required_argument(one) or self.chance(0.4)
        ]
        return f"({', '.join(given)})" if given else ""

    def argument(self, argument: GraphQLArgument) -> str:
        named = get_named_type(argument.type).name
        plain = argument.type
        is_bare = not isinstance(getattr(plain, "of_type", plain), GraphQLList | GraphQLNonNull)
        is_bare = is_bare and not isinstance(plain, GraphQLList)
        if named in VARIABLE_VALUES and is_bare and self.chance(0.3):
            return self.variable(str(argument.type), self.random.choice(VARIABLE_VALUES[named]))
        return self.literal(argument.type)

    def variable(self, type_: str, value: Any) -> str:
        name = f"v{len(self.declared)}"
        if self.chance(0.3):
            default = str(value).lower() if isinstance(value, bool | int) else f'"{value}"'
            self.declared[name] = f"{type_} = {default}"
        else:
            self.declared[name] = type_
            self.values[name] = value
        return f"${name}"

    def literal(self, type_: Any) -> str:
        if isinstance(type_, GraphQLNonNull):
            return self.literal(type_.of_type)
        if isinstance(type_, GraphQLList):
            count = self.random.randint(0, 4)
            return f"[{', '.join(self.literal(type_.of_type) for _ in range(count))}]"
        if isinstance(type_, GraphQLInputObjectType):
            chosen = [(name, one) for name, one in type_.fields.items() if self.chance(0.5)]
            return f"{{{', '.join(f'{name}: {self.literal(one.type)}' for name, one in chosen)}}}"
        if isinstance(type_, GraphQLEnumType):
            codes: list[str] = list(type_.values)
            return self.random.choice(codes)
        return self.random.choice(FALLBACK_LITERALS[type_.name])

    def directive(self) -> str:
        if not self.chance(0.08):
            return ""
        value = self.random.choice(["true", "false", ""])
        if not value:
            value = self.variable("Boolean!", self.random.choice([True, False]))
        return f" @{self.random.choice(['skip', 'include'])}(if: {value})"


def generate(schema: GraphQLSchema, seed: int) -> Generated:
    """The document of this seed; one in ten is a mutation, where the schema has any."""
    random = Random(seed)
    writer = _Writer(schema, random)
    is_mutation = schema.mutation_type is not None and random.random() < 0.1
    root_type = schema.mutation_type if is_mutation else schema.query_type
    assert root_type is not None
    body = writer.selection_set(root_type, 1)
    declared = ", ".join(f"${name}: {type_}" for name, type_ in writer.declared.items())
    head = ("mutation" if is_mutation else "query") + (f" ({declared})" if declared else "")
    return Generated("\n".join([f"{head} {body}", *writer.fragment_texts]), writer.values)
