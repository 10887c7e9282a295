"""Which columns and joins each entity of a database needs, worked out from its declaration."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from hub.config.problems import Problem, problem
from hub.config.specs import EntitySpec, SystemsFile, SystemSpec
from hub.model.catalog import NOUNS
from hub.model.errors import SourceMisconfigured
from hub.model.record import fields_of
from sources.fields import Shape
from sources.mapping import EntityMapping, SpecUnusable, compile_entity
from sources.paths import PARENT_PREFIX, Get, column_get
from sources.sql_shape import Join, Wanted
from sources.unmapped import counting

ITEM_PREFIX = "item."
"""What a row calls a column of its item's row, joined for the base unit."""


@dataclass(frozen=True, slots=True)
class SqlEntity:
    """An entity with its compiled fields and what it needs of the database."""

    spec: EntitySpec
    mapping: EntityMapping
    wanted: Wanted


def plan_entities(
    system: SystemSpec, file: SystemsFile, unmapped: MutableMapping[str, int]
) -> Mapping[str, SqlEntity]:
    """All entities compiled; SourceMisconfigured carries the file's positions of what is wrong."""
    planned: dict[str, SqlEntity] = {}
    problems: list[Problem] = []
    for noun, spec in system.entities.items():
        try:
            planned[noun] = _plan(system, file, spec, unmapped)
        except SpecUnusable as error:
            problems.append(unusable(system.name, file, noun, error))
    if problems:
        raise SourceMisconfigured(system.name, "; ".join(map(str, problems)))
    return planned


def unusable(system: str, file: SystemsFile, noun: str, error: SpecUnusable) -> Problem:
    path = ("systems", system, "entities", noun, *error.path)
    return problem(file.where(path), path, error.message, expected="a declaration that compiles")


def _plan(
    system: SystemSpec, file: SystemsFile, spec: EntitySpec, unmapped: MutableMapping[str, int]
) -> SqlEntity:
    joins = []
    if spec.from_ is None:
        raise SpecUnusable(("from",), "an entity of a database needs `from`")
    if parent_columns := _parent_columns(spec):
        joins.append(_parent_join(system, spec, parent_columns))
    item_join, base_unit = _item_join(system, spec)
    if item_join is not None:
        joins.append(item_join)
    shape = Shape(
        system.name, spec.noun, True, file.targets, base_unit, counting(system.name, unmapped)
    )
    reads_all = any(each.python is not None for each in spec.fields.values())
    wanted = Wanted(columns_of(spec), tuple(joins), reads_all)
    return SqlEntity(spec, compile_entity(spec, shape), wanted)


def columns_of(spec: EntitySpec) -> tuple[str, ...]:
    """Every native column the declaration names, once, the key's first."""
    names = list(spec.key)
    for field in spec.fields.values():
        names += field.native
        names += [
            extra.column
            for extra in (field.unit, field.currency, field.to)
            if extra is not None and extra.column is not None
        ]
    names += [attribute.column for attribute in spec.attributes.values()]
    names += spec.changes.order_by if spec.changes is not None else ()
    return tuple(dict.fromkeys(names))


def _parent_columns(spec: EntitySpec) -> tuple[str, ...]:
    named = [each.currency.parent for each in spec.fields.values() if each.currency is not None]
    return tuple(dict.fromkeys(name for name in named if name is not None))


def _parent_join(system: SystemSpec, spec: EntitySpec, columns: tuple[str, ...]) -> Join:
    """The parent's row beside the child's: the child's reference to it holds the parent's key."""
    parent = system.entities.get(spec.parent or "")
    if parent is None or parent.from_ is None:
        raise SpecUnusable(("parent",), "a column of the parent needs `parent` in this system")
    back = _reference_columns(spec, parent.noun)
    if back is None or len(back) != len(parent.key):
        raise SpecUnusable(
            ("fields",), f"no reference field holds the key of the {parent.noun} as it stands there"
        )
    on = tuple(zip(back, parent.key, strict=True))
    return Join(PARENT_PREFIX, parent.from_, on, columns)


def _reference_columns(spec: EntitySpec, noun: str) -> tuple[str, ...] | None:
    """The columns of the reference to a noun, where they hold its key without a format."""
    known = fields_of(NOUNS[spec.noun])
    for name, field in spec.fields.items():
        if name in known and known[name].to == noun and field.native and field.write is None:
            return field.native
    return None


def _item_join(system: SystemSpec, spec: EntitySpec) -> tuple[Join | None, Get | None]:
    """The item's row beside this one where a quantity is in the item's base unit."""
    wants = any(each.unit is not None and each.unit.item for each in spec.fields.values())
    item = system.entities.get("item")
    if not wants or item is None or item.from_ is None:
        return None, None
    unit = item.fields.get("base_uom")
    on = _item_match(spec, item)
    if unit is None or len(unit.native) != 1 or not on:
        return None, None
    read = column_get(ITEM_PREFIX + unit.native[0])
    words = unit.values or {}

    def base_unit(row: Mapping[str, object], parent: Mapping[str, object]) -> object:
        native = read(row, parent)
        return words.get(native, native) if isinstance(native, str) else native

    return Join(ITEM_PREFIX, item.from_, on, unit.native), base_unit


def _item_match(spec: EntitySpec, item: EntitySpec) -> tuple[tuple[str, str], ...]:
    reference = _reference_columns(spec, "item")
    if reference is not None and len(reference) == len(item.key):
        return tuple(zip(reference, item.key, strict=True))
    ours, theirs = spec.fields.get("sku"), item.fields.get("sku")
    if ours is None or theirs is None or len(ours.native) != 1 or len(theirs.native) != 1:
        return ()
    return ((ours.native[0], theirs.native[0]),)
