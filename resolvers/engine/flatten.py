"""Takes the records out of a column for the selection set below, and puts the answers back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from graphql import GraphQLError, is_list_type, is_non_null_type

from resolvers.engine.complete import items_of, null_error, selection_for
from resolvers.engine.paths import Path, Place
from resolvers.engine.run import Run, locate, take
from resolvers.engine.tree import FieldPlan, Selection
from resolvers.partial import Partial

_NULL = type(None)
_LISTS = {list, tuple}


@dataclass(slots=True)
class Flattened:
    """The live records of a column, in order, and how to find the way back.

    `selections` says which selection each record takes, only where the field's type is abstract.
    `lengths` are those of the parents' lists (None: a null list), where there are lists.
    `skeleton` is the column with numbers in place of records, only where something was irregular.
    """

    records: list[Any]
    place: Place
    selections: list[Selection] | None = None
    lengths: list[int | None] | None = None
    skeleton: list[Any] | None = None


def flatten(field: FieldPlan, raw: list[Any], at: Place, run: Run) -> Flattened:
    return _regular(field, raw, at, run) or _irregular(field, raw, at, run)


def _regular(field: FieldPlan, raw: list[Any], at: Place, run: Run) -> Flattened | None:
    """One live record or one list of live records per parent; None where it is not so simple."""
    if field.lists > 1 or field.is_refused:
        return None
    lengths: list[int | None] | None = None
    records, place = raw, Place(at, field.key)
    if field.lists:
        classes = set(map(type, raw)) - _LISTS
        if classes and (field.is_non_null or classes != {_NULL}):
            return None
        lengths = [None if value is None else len(value) for value in raw]
        records = list(chain.from_iterable(value for value in raw if value is not None))
        place.lengths = [length or 0 for length in lengths]
    if not field.is_abstract:
        return Flattened(records, place, None, lengths) if _are_live(field, records) else None
    name_of = run.kinds[field.named_type.name].name_of
    names = [name_of(record) for record in records]
    if None in names:
        return None
    selections = [field.children[name] for name in names if name is not None]
    return Flattened(records, place, selections, lengths)


def _are_live(field: FieldPlan, records: list[Any]) -> bool:
    """Whether every record is one the field's object type stands for, judged by class alone."""
    classes = set(map(type, records))
    representation = field.representation
    if representation is None:
        return not any(issubclass(one, (_NULL, Exception, Partial)) for one in classes)
    return representation.by is None and classes <= {representation.record}


class _Numbering:
    """Looks at every position: nulls, failures, lists of lists. Numbers the live records."""

    def __init__(self, run: Run, field: FieldPlan) -> None:
        self.run = run
        self.field = field
        self.records: list[Any] = []
        self.selections: list[Selection] = []
        self.paths: list[Path] = []

    def numbered(self, type_: Any, value: Any, path: Path) -> Any:
        """Null, the number of a record, a list of such, or a located error."""
        try:
            if isinstance(value, Exception):
                raise value
            if isinstance(value, Partial):
                value = take(self.run, self.field, value, path)
            bare = type_.of_type if is_non_null_type(type_) else type_
            if value is None:
                if bare is not type_:
                    raise null_error(self.field)
                return None
            if is_list_type(bare):
                return [
                    self.numbered(bare.of_type, item, [*path, index])
                    for index, item in enumerate(items_of(self.field, value))
                ]
            self.selections.append(selection_for(self.run, self.field, value))
            self.records.append(value)
            self.paths.append(path)
            return len(self.records) - 1
        except Exception as error:
            return locate(error, self.field, path)


def _irregular(field: FieldPlan, raw: list[Any], at: Place, run: Run) -> Flattened:
    numbering = _Numbering(run, field)
    skeleton = [
        numbering.numbered(field.type, value, [*at.path(owner), field.key])
        for owner, value in enumerate(raw)
    ]
    kinds = numbering.selections if field.is_abstract else None
    place = Place(paths=numbering.paths)
    return Flattened(numbering.records, place, kinds, None, skeleton)


def regroup(field: FieldPlan, flat: Flattened, answers: list[Any], run: Run) -> list[Any]:
    """The completed column: objects and lists of them, null where a nullable position failed, the
    located error where the parent must be null."""
    is_regular = flat.skeleton is None and set(map(type, answers)) <= {dict}
    if not is_regular:
        skeleton = flat.skeleton if flat.skeleton is not None else _skeleton(flat)
        return [_rebuilt(run, field.type, one, answers) for one in skeleton]
    if flat.lengths is None:
        return answers
    remaining: Iterator[Any] = iter(answers)
    return [None if one is None else list(islice(remaining, one)) for one in flat.lengths]


def _skeleton(flat: Flattened) -> list[Any]:
    numbers: Iterator[int] = iter(range(len(flat.records)))
    if flat.lengths is None:
        return list(numbers)
    return [None if one is None else list(islice(numbers, one)) for one in flat.lengths]


def _rebuilt(run: Run, type_: Any, value: Any, answers: list[Any]) -> Any:
    """The value with answers for numbers; an error stays one where the position is non-null."""
    rebuilt = _filled(run, type_, value, answers)
    if isinstance(rebuilt, GraphQLError) and not is_non_null_type(type_):
        run.errors.append(rebuilt)
        return None
    return rebuilt


def _filled(run: Run, type_: Any, value: Any, answers: list[Any]) -> Any:
    if value.__class__ is int:
        return answers[value]
    if value.__class__ is not list:
        return value
    bare = type_.of_type if is_non_null_type(type_) else type_
    items = [_rebuilt(run, bare.of_type, item, answers) for item in value]
    failures = [item for item in items if isinstance(item, GraphQLError)]
    if not failures:
        return items
    run.errors.extend(failures[1:])
    return failures[0]
