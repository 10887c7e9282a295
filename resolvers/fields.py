"""How a Strawberry type says where its fields come from.

    @represents(model.Order)
    @strawberry.type(description="A sales order.")
    class Order:
        number: str                                # read from the record, by its Python name
        id: strawberry.ID = computed(order_id)     # a pure function of one record
        shipments: list[Shipment] | None = edge(shipments, reads=("SHIPMENTS_BY_ORDER",))

    @strawberry.type
    class Query:
        order: Order | None = root(order_by_number)

Resolvers return records (frozen dataclasses of `hub.model`), never instances of Strawberry types.
The keyword-only parameters of a function become the GraphQL arguments of its field: annotations
are the types, defaults the default values, `Annotated[..., strawberry.argument(description=...)]`
the descriptions. A parameter without a default is required; write `x: str | None = None` for an
optional one. Argument values are shared by a whole request: never change one.

The helpers return `Any`, so that an annotated class attribute takes them under `mypy --strict`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from graphql import GraphQLField, GraphQLNamedType
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver

BINDING_KEY = "opshub.binding"
DEFINITION_KEY = "strawberry-definition"

T = TypeVar("T", bound=type)


class Source(Enum):
    """Where the value of a bound field comes from."""

    COMPUTED = "computed"
    EDGE = "edge"
    ROOT = "root"
    EVENT = "event"  # the root value of one event of a subscription


@dataclass(frozen=True, slots=True)
class Binding:
    """What a declaration says about one field; found again with `binding_of`."""

    source: Source
    function: Callable[..., Any]
    reads: tuple[str, ...] = ()
    late: bool = False
    takes_context: bool = True


@dataclass(frozen=True, slots=True)
class Representation:
    """The records an object type stands for: a class, and where one class stands for several
    types, the attribute that tells them apart and its values for this type."""

    record: type
    by: str | None = None
    values: tuple[Any, ...] = ()

    def matches(self, record: object) -> bool:
        if not isinstance(record, self.record):
            return False
        return self.by is None or getattr(record, self.by, None) in self.values


def edge(
    function: Callable[..., Any],
    *,
    reads: Collection[str] = (),
    late: bool = False,
    description: str | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """A field resolved once for all its parents.

    `function` is `(parents: Sequence[Record], ctx, *, arguments...) -> list aligned with parents`,
    async or plain. An element that is an exception fails that element only; an exception that is
    raised fails the field of every parent. The parents may repeat a record. The list of parents
    must not be changed. `reads` names the relations it calls, for `opshub explain`. `late=True`
    runs it after all other fields of the same selection set, with everything below them, have
    resolved: for `sections`, which reports how its siblings ended. An element may also be a
    `resolvers.partial.Partial`: a value, and errors for what is missing of it.
    """
    _check_positional(function, expected=2, shape="(parents, ctx, *, arguments)")
    binding = Binding(Source.EDGE, function, tuple(reads), late)
    return _bound_field(binding, description, deprecation_reason)


def root(
    function: Callable[..., Any],
    *,
    reads: Collection[str] = (),
    description: str | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """A field of `Query`: `function` is `(ctx, *, arguments...) -> value`, async or plain."""
    _check_positional(function, expected=1, shape="(ctx, *, arguments)")
    binding = Binding(Source.ROOT, function, tuple(reads))
    return _bound_field(binding, description, deprecation_reason)


def mutation(
    function: Callable[..., Any],
    *,
    description: str | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """A field of `Mutation`, of the shape of `root`. Those of one document run one by one."""
    return root(function, description=description, deprecation_reason=deprecation_reason)


def stream(
    function: Callable[..., Any],
    *,
    description: str | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """A field of `Subscription`: `function` is `(ctx, *, arguments...)` and gives, async, what is
    to be followed. The field's value is then one item of the stream at a time."""
    _check_positional(function, expected=1, shape="(ctx, *, arguments)")
    binding = Binding(Source.EVENT, function)
    return _bound_field(binding, description, deprecation_reason)


def computed(
    function: Callable[..., Any],
    *,
    description: str | None = None,
    deprecation_reason: str | None = None,
) -> Any:
    """A field that is a plain function of one record: `(record, *, arguments...)` or
    `(record, ctx, *, arguments...)`.

    It must be pure and quick: it does no I/O, and where a sibling fails it may be called twice.
    """
    if inspect.iscoroutinefunction(function):
        raise TypeError(f"computed({function.__qualname__}): an async function must be an edge")
    takes_context = _positional_count(function) == 2
    if not takes_context:
        _check_positional(function, expected=1, shape="(record, [ctx,] *, arguments)")
    binding = Binding(Source.COMPUTED, function, takes_context=takes_context)
    return _bound_field(binding, description, deprecation_reason)


def represents(
    record: type, *, by: str | None = None, values: Collection[Any] = ()
) -> Callable[[T], T]:
    """Declare, above `@strawberry.type`, which records the type stands for.

    Needed by every type behind an interface or a union. Where one record class stands for several
    types, `by` names the attribute that tells them apart and `values` lists its values for this
    type: `@represents(TimelineEntry, by="kind", values=(Kind.SHIPPED,))`.
    """
    representation = Representation(record, by, tuple(values))
    if (by is None) == bool(values):
        raise TypeError("represents: give `by` and `values` together, or neither")

    def declare(cls: T) -> T:
        definition = cls.__dict__.get("__strawberry_definition__")
        if not isinstance(definition, StrawberryObjectDefinition) or definition.is_interface:
            raise TypeError(f"represents: put it above @strawberry.type; {cls.__name__} is none")
        definition.is_type_of = lambda value, _info: representation.matches(value)
        cls.__representation__ = representation  # type: ignore[attr-defined]
        return cls

    return declare


def binding_of(field: GraphQLField) -> Binding | None:
    """The binding of a graphql-core field; None where it is read from the record by name."""
    definition = field.extensions.get(DEFINITION_KEY)
    if definition is None:
        return None
    binding = definition.metadata.get(BINDING_KEY)
    return binding if isinstance(binding, Binding) else None


def representation_of(object_type: GraphQLNamedType) -> Representation | None:
    """Which records a graphql-core object type stands for; None where it was not declared."""
    definition = object_type.extensions.get(DEFINITION_KEY)
    origin = getattr(definition, "origin", None)
    found = getattr(origin, "__dict__", {}).get("__representation__")
    return found if isinstance(found, Representation) else None


def _bound_field(
    binding: Binding, description: str | None, deprecation_reason: str | None
) -> StrawberryField:
    field = StrawberryField(
        description=description,
        deprecation_reason=deprecation_reason,
        metadata={BINDING_KEY: binding},
    )
    return field(StrawberryResolver(_signature_only(binding.function)))


def _signature_only(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function with the GraphQL arguments of `function` as its only parameters."""

    def resolver(**_arguments: Any) -> Any:
        raise TypeError("this schema is executed by resolvers.engine, not by graphql-core")

    parameters = [
        parameter.replace(annotation=_evaluated(parameter.annotation, function))
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    resolver.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    resolver.__module__ = function.__module__
    resolver.__name__ = resolver.__qualname__ = function.__name__
    resolver.__annotations__ = {one.name: one.annotation for one in parameters}
    return resolver


def _evaluated(annotation: Any, function: Callable[..., Any]) -> Any:
    """The annotation as an object where its names exist yet; else the text, which Strawberry
    resolves when the schema is built."""
    if not isinstance(annotation, str):
        return annotation
    namespace = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return eval(annotation, namespace)
    except NameError:
        return annotation


def _positional_count(function: Callable[..., Any]) -> int:
    if isinstance(function, StrawberryField):
        raise TypeError("this is a field, not a function: an attribute above hides the function")
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in kinds for one in inspect.signature(function).parameters.values())


def _check_positional(function: Callable[..., Any], *, expected: int, shape: str) -> None:
    count = _positional_count(function)
    if count != expected:
        raise TypeError(
            f"{function.__qualname__} takes {count} positional parameters; expected {shape}"
        )
