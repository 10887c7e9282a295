"""The careful path: completes values one by one and locates every error.

The generated loops build an object whole or not at all; what surprises them (a null, an exception,
a value of another class) comes here, where the result is built by the letter of the specification.
An error travels upwards as an exception until a nullable position takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from graphql import (
    GraphQLError,
    Undefined,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.pyutils import inspect, is_iterable

from resolvers.engine.paths import Path, Place
from resolvers.engine.run import Run, locate
from resolvers.engine.tree import TYPENAME, FieldPlan, Selection
from resolvers.fields import Source, representation_of

BuildObject = Callable[[Selection, Any, Path], Any]


def complete(
    run: Run,
    field: FieldPlan,
    type_: Any,
    value: Any,
    path: Path,
    *,
    build: BuildObject | None = None,
) -> Any:
    """The value as the answer shows it; raises the located error where the position is non-null.

    `build` makes the object of a record; without it, the object is completed here.
    """
    try:
        return _completed(run, field, type_, value, path, build)
    except Exception as error:
        located = locate(error, field, path)
        if is_non_null_type(type_):
            raise located from error
        run.errors.append(located)
        return None


def complete_object(
    run: Run, selection: Selection, record: Any, path: Path, columns: Mapping[int, Any]
) -> dict[str, Any]:
    """The object of one record; `columns` holds the values of its batched fields by slot."""
    answer: dict[str, Any] = {}
    for field in selection.fields:
        below: Path = [*path, field.key]
        if field.name == TYPENAME:
            answer[field.key] = selection.type.name
        elif field.slot in columns and not (field.is_batched and field.is_pure_below):
            value = columns[field.slot]
            if isinstance(value, Exception):
                raise value
            answer[field.key] = value
        else:
            value = columns[field.slot] if field.slot in columns else read(run, field, record)
            answer[field.key] = complete(run, field, field.type, value, below)
    return answer


def careful_row(
    run: Run, selection: Selection, record: Any, at: Place, index: int, columns: tuple[Any, ...]
) -> dict[str, Any] | GraphQLError:
    """What a generated loop could not build: the object, or the located error that nulls it."""
    values = {field.slot: value for field, value in zip(selection.columns, columns, strict=True)}
    try:
        return complete_object(run, selection, record, at.path(index), values)
    except GraphQLError as error:
        return error


def read(run: Run, field: FieldPlan, record: Any) -> Any:
    """The raw value of an unbatched field, or the exception reading it raised."""
    try:
        binding = field.binding
        if binding is None:
            return getattr(record, field.attribute)
        assert binding.source is Source.COMPUTED
        arguments = run.arguments(field)
        if binding.takes_context:
            return binding.function(record, run.context, **arguments)
        return binding.function(record, **arguments)
    except Exception as error:
        return error


def _completed(
    run: Run, field: FieldPlan, type_: Any, value: Any, path: Path, build: BuildObject | None
) -> Any:
    if isinstance(value, Exception):
        raise value
    if is_non_null_type(type_):
        completed = _completed(run, field, type_.of_type, value, path, build)
        if completed is None:
            raise TypeError(
                f"Cannot return null for non-nullable field {field.parent}.{field.name}."
            )
        return completed
    if value is None or value is Undefined:
        return None
    if is_list_type(type_):
        return [
            complete(run, field, type_.of_type, item, [*path, index], build=build)
            for index, item in enumerate(_items(field, value))
        ]
    if is_leaf_type(type_):
        return leaf(type_, value)
    if field.refusal is not None:
        raise field.refusal
    selection = selection_for(run, field, value)
    if build is not None:
        return build(selection, value, path)
    return complete_object(run, selection, value, path, {})


def _items(field: FieldPlan, value: Any) -> Iterable[Any]:
    if not is_iterable(value):
        raise GraphQLError(
            f"Expected Iterable, but did not find one for field '{field.parent}.{field.name}'."
        )
    items: Iterable[Any] = value
    return items


def leaf(type_: Any, value: Any) -> Any:
    """The serialized scalar or enum; raises what its serializer raises."""
    completed = type_.coerce_output_value(value)
    if completed is None or completed is Undefined:
        raise TypeError(
            f"Expected `{inspect(type_)}.coerce_output_value({inspect(value)})` to return"
            f" non-nullable value, returned: {inspect(completed)}"
        )
    return completed


def selection_for(run: Run, field: FieldPlan, record: Any) -> Selection:
    """The selection of the object type the record stands for; raises where it stands for none."""
    if is_abstract_type(field.named_type):
        name = run.kinds_of(field.named_type.name).name_of(record)
        if name is None:
            raise GraphQLError(
                f"Abstract type '{field.named_type}' must resolve to an Object type at runtime"
                f" for field '{field.parent}.{field.name}'. Either the '{field.named_type}' type"
                " should provide a 'resolve_type' function or each possible type should provide"
                " an 'is_type_of' function.",
                field.nodes,
            )
        return field.children[name]
    assert is_object_type(field.named_type)
    representation = representation_of(field.named_type)
    if representation is not None and not representation.matches(record):
        raise GraphQLError(
            f"Expected value of type '{field.named_type}' but got: {inspect(record)}.", field.nodes
        )
    return field.children[field.named_type.name]
