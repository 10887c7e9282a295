"""The careful path: completes values one by one and locates every error.

The generated loops build an object whole or not at all; what surprises them (a null, an exception,
a value of another class) comes here, where the result is built by the letter of the specification.
An error travels upwards as an exception until a nullable position takes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    GraphQLError,
    Undefined,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.pyutils import inspect, is_iterable

from resolvers.engine.paths import Path
from resolvers.engine.run import Run, locate, take
from resolvers.engine.tree import TYPENAME, FieldPlan, Selection
from resolvers.fields import Source
from resolvers.partial import Partial


def complete(run: Run, field: FieldPlan, type_: Any, value: Any, path: Path) -> Any:
    """The value as the answer shows it; raises the located error where the position is non-null."""
    try:
        return _completed(run, field, type_, value, path)
    except Exception as error:
        located = locate(error, field, path)
        if is_non_null_type(type_):
            raise located from error
        run.errors.append(located)
        return None


def complete_object(
    run: Run, selection: Selection, record: Any, path: Path, columns: Mapping[int, Any]
) -> dict[str, Any]:
    """The object of one record; `columns` holds the values of its batched fields by slot.

    Raises the first error that nulls the object and records the others.
    """
    answer: dict[str, Any] = {}
    failures: list[GraphQLError] = []
    for field in selection.fields:
        try:
            answer[field.key] = _field_value(run, field, record, path, columns)
        except GraphQLError as error:
            failures.append(error)
    raise_first(run, failures)
    return answer


def raise_first(run: Run, failures: list[GraphQLError]) -> None:
    """One error travels upwards; the others, under a position that is null by it, are recorded."""
    if failures:
        run.errors.extend(failures[1:])
        raise failures[0]


def _field_value(
    run: Run, field: FieldPlan, record: Any, path: Path, columns: Mapping[int, Any]
) -> Any:
    if field.name == TYPENAME:
        return field.parent.name
    if field.slot not in columns:
        value = read(run, field, record)
    else:
        value = columns[field.slot]
        if not (field.is_batched and field.is_pure_below):  # completed with its own selection set
            if isinstance(value, Exception):
                raise value
            return value
    return complete(run, field, field.type, value, [*path, field.key])


def careful_row(
    run: Run, selection: Selection, record: Any, path: Path, columns: tuple[Any, ...]
) -> dict[str, Any] | GraphQLError:
    """What a generated loop could not build: the object, or the located error that nulls it."""
    values = {field.slot: value for field, value in zip(selection.columns, columns, strict=True)}
    try:
        return complete_object(run, selection, record, path, values)
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


def _completed(run: Run, field: FieldPlan, type_: Any, value: Any, path: Path) -> Any:
    if isinstance(value, Exception):
        raise value
    if isinstance(value, Partial):
        value = take(run, field, value, path)
    if is_non_null_type(type_):
        completed = _completed(run, field, type_.of_type, value, path)
        if completed is None:
            raise null_error(field)
        return completed
    if value is None or value is Undefined:
        return None
    if is_list_type(type_):
        return _completed_list(run, field, type_, value, path)
    if is_leaf_type(type_):
        return leaf(type_, value)
    return complete_object(run, selection_for(run, field, value), value, path, {})


def _completed_list(run: Run, field: FieldPlan, type_: Any, value: Any, path: Path) -> list[Any]:
    answer: list[Any] = []
    failures: list[GraphQLError] = []
    for index, item in enumerate(items_of(field, value)):
        try:
            answer.append(complete(run, field, type_.of_type, item, [*path, index]))
        except GraphQLError as error:
            failures.append(error)
    raise_first(run, failures)
    return answer


def null_error(field: FieldPlan) -> TypeError:
    return TypeError(f"Cannot return null for non-nullable field {field.parent}.{field.name}.")


def items_of(field: FieldPlan, value: Any) -> Iterable[Any]:
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
    """The selection of the object type the record stands for.

    Raises where it stands for none, and where that selection cannot be executed.
    """
    selection = field.children[_object_type_name(run, field, record)]
    if selection.refusal is not None:
        raise selection.refusal
    return selection


def _object_type_name(run: Run, field: FieldPlan, record: Any) -> str:
    if field.is_abstract:
        name = run.kinds[field.named_type.name].name_of(record)
        if name is None:
            raise GraphQLError(
                f"Abstract type '{field.named_type}' must resolve to an Object type at runtime"
                f" for field '{field.parent}.{field.name}'. Either the '{field.named_type}' type"
                " should provide a 'resolve_type' function or each possible type should provide"
                " an 'is_type_of' function.",
                field.nodes,
            )
        return name
    representation = field.representation
    if representation is not None and not representation.matches(record):
        raise GraphQLError(
            f"Expected value of type '{field.named_type}' but got: {inspect(record)}.", field.nodes
        )
    return field.named_type.name
