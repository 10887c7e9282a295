"""Which systems will be called agrees with which are called."""

from __future__ import annotations

import pytest

from hub.model.catalog import NOUNS
from hub.model.record import fields_of
from hub.reads.explain import explain_key, explain_number, explain_relation
from hub.reads.relations import RELATIONS
from tests.unit.reads.world import World

_WORLD = World()
SYSTEMS = {each.name: each.nouns for each in (_WORLD.erp, _WORLD.wms, _WORLD.crm, _WORLD.carrier)}


@pytest.mark.parametrize("name", sorted(RELATIONS))
def test_every_relation_names_real_fields(name: str) -> None:
    relation = RELATIONS[name]
    child = fields_of(NOUNS[relation.noun])
    parent = fields_of(NOUNS[relation.of])
    assert {relation.by, *relation.sort} <= set(child)
    assert {relation.via, relation.carried} - {None} <= set(parent)
    assert (child[relation.by].kind == "reference") is not relation.is_text
    if relation.carried is not None:
        assert parent[relation.carried].to == relation.noun


async def test_the_systems_explained_are_those_asked() -> None:
    for relation in RELATIONS.values():
        world = World()
        reads = world.open()
        orders = await world.orders(reads, "1")
        if relation.of != "order" or relation.is_text:
            continue
        for source in (world.erp, world.wms, world.crm, world.carrier):
            source.calls.clear()
        await reads.related(relation, orders)
        explained = explain_relation(relation.name, SYSTEMS)
        assert [(each.system, each.noun, each.field) for each in explained] == world.calls


def test_keys_and_numbers() -> None:
    assert [each.system for each in explain_key("shipment", SYSTEMS)] == ["wms"]
    assert [each.system for each in explain_number("order", "number", SYSTEMS)] == ["erp"]
    assert explain_number("order", "total", SYSTEMS) == []
    [scans] = explain_relation("MILESTONES_BY_TRACKING", SYSTEMS)
    assert (scans.system, scans.parents, scans.batch_max) == ("carrier", None, 100)
    with pytest.raises(KeyError):
        explain_relation("NOTHING_BY_ORDER", SYSTEMS)
