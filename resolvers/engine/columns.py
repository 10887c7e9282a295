"""Resolves a selection set for all its records: calls each batch function once, builds the rows.

A column is a list aligned with the parents. Where nothing below a field is batched, its raw column
goes to the generated loop of its parents. Else the records in it are flattened, their own selection
set is resolved for all of them, and the column is put together again from the answers.
A column or its awaitable travels: what needs no waiting never becomes a coroutine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from functools import cache
from typing import Any

from resolvers.engine.complete import read
from resolvers.engine.flatten import Flattened, flatten, regroup
from resolvers.engine.paths import Path, Picked, Place
from resolvers.engine.run import Run, take
from resolvers.engine.tree import FieldPlan, Selection
from resolvers.fields import Source
from resolvers.partial import Partial

Column = list[Any]
MaybeColumn = Column | Awaitable[Column]


def resolve(selection: Selection, records: Column, at: Place, run: Run) -> MaybeColumn:
    """One dict, or the located error that nulls it, for each record."""
    columns = [_column(field, records, at, run) for field in selection.early]
    if selection.late or not _are_here(columns):
        return _resolve_later(selection, records, at, run, columns)
    return selection.rows(records, run, at, *columns)


def _are_here(columns: list[MaybeColumn]) -> bool:
    return set(map(type, columns)) <= {list}


async def _resolve_later(
    selection: Selection, records: Column, at: Place, run: Run, columns: list[MaybeColumn]
) -> Column:
    early = await together(columns)
    late = await together([_column(field, records, at, run) for field in selection.late])
    return selection.rows(records, run, at, *early, *late)


async def together(columns: list[MaybeColumn]) -> list[Column]:
    """All columns, awaited at once. Where one is cancelled, none is left running."""
    waiting = [index for index, column in enumerate(columns) if column.__class__ is not list]
    if len(waiting) == 1:
        columns[waiting[0]] = await columns[waiting[0]]  # type: ignore[misc]
    elif waiting:
        coroutines: list[Any] = [columns[index] for index in waiting]
        tasks = [asyncio.ensure_future(each) for each in coroutines]
        try:
            for index, column in zip(waiting, await asyncio.gather(*tasks), strict=True):
                columns[index] = column
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise
    return columns  # type: ignore[return-value]


def _column(field: FieldPlan, records: Column, at: Place, run: Run) -> MaybeColumn:
    raw = call(field, records, run) if field.is_batched else _read_all(field, records, run)
    if isinstance(raw, list):
        return _completed(field, raw, at, run)
    return _completed_later(field, raw, at, run)


async def _completed_later(field: FieldPlan, raw: Awaitable[Column], at: Place, run: Run) -> Column:
    column = _completed(field, await raw, at, run)
    return column if isinstance(column, list) else await column


def _completed(field: FieldPlan, raw: Column, at: Place, run: Run) -> MaybeColumn:
    if field.is_meta:
        return raw
    if field.is_pure_below:
        return raw if field.is_non_null else _without_failures(field, raw, at, run)
    flat = flatten(field, raw, at, run)
    answers = _resolve_kinds(field, flat, run)
    if isinstance(answers, list):
        return regroup(field, flat, answers, run)
    return _regroup_later(field, flat, answers, run)


async def _regroup_later(
    field: FieldPlan, flat: Flattened, answers: Awaitable[Column], run: Run
) -> Column:
    return regroup(field, flat, await answers, run)


def _resolve_kinds(field: FieldPlan, flat: Flattened, run: Run) -> MaybeColumn:
    """The rows of the flattened records, whatever object types they stand for."""
    if not flat.records:
        return []
    if flat.selections is None:
        return resolve(field.children[field.named_type.name], flat.records, flat.place, run)
    picked: dict[Selection, list[int]] = {}
    for index, selection in enumerate(flat.selections):
        picked.setdefault(selection, []).append(index)
    parts = [
        resolve(selection, [flat.records[i] for i in indexes], Picked(flat.place, indexes), run)
        for selection, indexes in picked.items()
    ]
    if _are_here(parts):
        return _merged(list(picked.values()), parts)
    return _merged_later(list(picked.values()), parts)


async def _merged_later(picked: list[list[int]], parts: list[MaybeColumn]) -> Column:
    return _merged(picked, await together(parts))


def _merged(picked: list[list[int]], parts: Sequence[Any]) -> Column:
    merged: Column = [None] * sum(map(len, picked))
    for indexes, part in zip(picked, parts, strict=True):
        for index, row in zip(indexes, part, strict=True):
            merged[index] = row
    return merged


def _read_all(field: FieldPlan, records: Column, run: Run) -> Column:
    if field.is_meta:
        return run.introspect(run, field)
    return [read(run, field, record) for record in records]


def _without_failures(field: FieldPlan, raw: Column, at: Place, run: Run) -> Column:
    """The column of a nullable field with null and a located error where it failed, and with what
    arrived where it is partial."""
    if not any(map(_is_trouble, set(map(type, raw)))):
        return raw
    column = list(raw)
    for index, value in enumerate(raw):
        if isinstance(value, (Exception, Partial)):
            path: Path = [*at.path(index), field.key]
            partial = value if isinstance(value, Partial) else Partial(None, [value])
            column[index] = take(run, field, partial, path)
    return column


@cache
def _is_trouble(kind: type) -> bool:
    return issubclass(kind, (Exception, Partial))


def call(field: FieldPlan, records: Column, run: Run) -> MaybeColumn:
    """The raw column of a batched field. Whatever its function raises fails every parent."""
    binding = field.binding
    assert binding is not None
    count = len(records)
    try:
        if binding.source is Source.EVENT:
            return [run.event] * count
        arguments = run.arguments(field)
        if binding.source is Source.ROOT:
            value = binding.function(run.context, **arguments)
            return _awaited_root(value) if hasattr(value, "__await__") else [value]
        answer = binding.function(records, run.context, **arguments)
        if answer.__class__ is not list and hasattr(answer, "__await__"):
            return _awaited(field, answer, count)
        return _aligned(field, answer, count)
    except Exception as error:
        return [error] * count


async def _awaited_root(value: Awaitable[Any]) -> Column:
    try:
        return [await value]
    except Exception as error:
        return [error]


async def _awaited(field: FieldPlan, answer: Awaitable[Any], count: int) -> Column:
    try:
        return _aligned(field, await answer, count)
    except Exception as error:
        return [error] * count


def _aligned(field: FieldPlan, answer: Any, count: int) -> Column:
    """The answer of a batch function as a list; raises where it is not aligned with the parents."""
    if answer.__class__ is not list and answer.__class__ is not tuple:
        raise TypeError(
            f"{field.parent}.{field.name}: the batch function returned"
            f" {type(answer).__name__}; expected a list aligned with its {count} parents"
        )
    if len(answer) != count:
        raise TypeError(
            f"{field.parent}.{field.name}: the batch function returned {len(answer)} elements"
            f" for {count} parents"
        )
    return answer if answer.__class__ is list else list(answer)
