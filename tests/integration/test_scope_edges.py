"""Every edge of the schema, asked of a foreign parent: it finds what it finds of a missing one.

The check stands below the edge: even a parent that should not have been reached opens nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
)

from hub.model.catalog import NOUNS
from hub.model.record import Record, fields_of
from hub.model.timeline import TimelineCategory, TimelineEntry
from hub.model.values import Ref
from hub.reads.sections import SectionState
from hub.security.principal import Principal
from resolvers.context import Context
from resolvers.fields import Source, binding_of
from resolvers.partial import Partial
from resolvers.schema import build_schema
from tests.integration.scoped_hub import (
    HOUSE,
    NOUNS_OWNED,
    Belongings,
    ScopedHub,
    missing_text,
)
from tests.integration.test_scope_arguments import askers

pytestmark = pytest.mark.asyncio(loop_scope="session")

REFUSED: Mapping[str, str] = {
    "Case": "order rma customer messages",
    "CreditMemo": "order invoice rma customer",
    "Customer": "cases",
    "Invoice": "order customer lines creditMemos",
    "Order": "customer lines shipments invoices creditMemos returns cases"
    " fulfillmentStatus returnStatus financialStatus",
    "PriceRow": "customer",
    "Rma": "order customer lines receipts inspections dispositions creditMemos shipments cases",
    "Shipment": "order rma lines milestones",
    "CaseEntry": "case",
    "FinanceEntry": "invoice creditMemo",
    "ReturnEntry": "rma",
    "ShipmentEntry": "shipment",
}
"""The edges to records of customers, and what is derived from such: probed below."""

OPEN: Mapping[str, str] = {
    "OrderLine": "item",
    "InvoiceLine": "item",
    "RmaLine": "item",
    "Item": "positions",
    "InventoryPosition": "item",
}
"""The edges to items and stock, which are everyone's."""

OF_THE_PARENT: Mapping[str, str] = {
    "*": "sourceRefs sections",
    "Order": "timeline",
    "TimelineEdge": "node",
    "TimelineConnection": "nodes",
    "*Entry": "collapsed",
    "SearchHit": "node",
    "Price": "row",
    "OrderCommandPayload": "order",
    "InvoiceCommandPayload": "invoice",
    "ItemCommandPayload": "item",
}
"""What the parent itself tells; the way to the parent is probed."""

OF_STREAMS: Mapping[str, str] = {
    "OrderTimelineSnapshot": "nodes hasOlder",
    "OrderTimelineEvent": "node",
    "OrderStatusSnapshot": "nodes",
    "OrderStatusEvent": "node",
    "ReturnStatusSnapshot": "nodes",
    "ReturnStatusEvent": "node",
    "ShipmentMilestonesSnapshot": "nodes",
    "ShipmentMilestoneEvent": "milestone node",
    "CaseSnapshot": "nodes",
    "CaseEvent": "node",
}
"""Read in the scope of who follows, for each event: tried in `test_subscription_scope`."""

OF_COMMANDS: Mapping[str, str] = {"Command": "order"}
"""Read in the scope of who looks at a command: tried in `tests/e2e/test_commands`."""

LED_BY_REFERENCES = {"Customer.cases"}
"""A party may be customers of several units: its cases here are told apart one by one."""

ROOTS = ("Query", "Mutation", "Subscription")
"""Probed by their arguments; `me`, `systems` and `unmatchedReferences` read no record by a name."""

NOUN_OF = {"PriceRow": "price", "Rma": "return", "CreditMemo": "credit_memo"}
ENTRY_NOUNS = {
    "CaseEntry": ("case",), "FinanceEntry": ("invoice", "credit_memo"), "ReturnEntry": ("return",),
    "ShipmentEntry": ("shipment",),
}  # fmt: skip


def _names(table: Mapping[str, str]) -> set[str]:
    return {f"{type_}.{name}" for type_, names in table.items() for name in names.split()}


def edges_of(schema: GraphQLSchema) -> Iterator[tuple[str, GraphQLField]]:
    """Every field that reads, or holds a record or an entry."""
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType) or type_.name.startswith("__"):
            continue
        if type_.name in ROOTS:
            continue
        for name, field in type_.fields.items():
            binding, of = binding_of(field), get_named_type(field.type)
            is_edge = binding is not None and binding.source is Source.EDGE
            if is_edge or _holds_a_record(of):
                yield _coordinate(type_.name, name), field


def _holds_a_record(type_: Any) -> bool:
    if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
        return False
    names = {type_.name, *(each.name for each in type_.interfaces)}
    return bool(names & {"Node", "TimelineEntry"})


def _coordinate(type_: str, name: str) -> str:
    if name in ("sourceRefs", "sections"):
        return f"*.{name}"
    return f"*Entry.{name}" if name == "collapsed" else f"{type_}.{name}"


def shape(answer: Any) -> Any:
    """What a client could tell of an answer: which records, which values, which errors."""
    if isinstance(answer, list | tuple):
        return [shape(each) for each in answer]
    if isinstance(answer, Partial):
        return (shape(answer.value), shape(answer.errors))
    if isinstance(answer, Record):
        return answer.ref
    if isinstance(answer, Exception):
        return f"{type(answer).__name__}: {answer}"
    return answer.value if isinstance(answer, Enum) else answer


def _missing_ref(ref: Ref) -> Ref:
    return ref._replace(key=missing_text(ref.key))


def missing_like(parent: Any) -> Any:
    """The parent with every name in it, its own too, replaced by one that nothing has."""
    if isinstance(parent, TimelineEntry):
        return replace(parent, subject=parent.subject and _missing_ref(parent.subject))
    changes: dict[str, Any] = {"ref": _missing_ref(parent.ref)}
    for name, field in fields_of(type(parent)).items():
        value = getattr(parent, name)
        if value is None:
            continue
        if field.kind == "reference":
            changes[name] = _missing_ref(value)
        elif field.kind == "children":
            changes[name] = ()
        elif field.kind == "text":
            changes[name] = missing_text(value)
    return replace(parent, **changes)


async def foreign_parents(scoped: ScopedHub, type_: str, whose: Belongings) -> list[Any]:
    """Records of a type as the house reads them, or entries about them."""
    nouns = ENTRY_NOUNS.get(type_) or (NOUN_OF.get(type_, type_.lower()),)
    refs = [whose.ref(noun) for noun in nouns]
    found = await scoped.context(HOUSE).reads.record_by_ref(refs)
    assert all(isinstance(each, Record) for each in found), found
    return (
        [_entry(each.ref) for each in found if isinstance(each, Record)]
        if (type_ in ENTRY_NOUNS)
        else list(found)
    )


def _entry(subject: Ref) -> TimelineEntry:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    return TimelineEntry(
        natural_key="k", order=Ref("order", "erp-eu", "1"), category=TimelineCategory.ORDER,
        type="order.placed", title="Order placed", system=subject.system, occurred_at=at,
        observed_at=at, subject=subject,
    )  # fmt: skip


async def _answer(field: GraphQLField, parent: Any, ctx: Context) -> Any:
    binding = binding_of(field)
    assert binding is not None
    told = binding.function([parent], ctx)
    [answer] = await told if inspect.isawaitable(told) else told
    return shape(answer)


async def violations(scoped: ScopedHub, who: Principal, theirs: Belongings) -> list[str]:
    """The edges that tell a foreign parent from a missing one, or tell a record of somebody's."""
    found = []
    for coordinate, field in edges_of(build_schema()._schema):
        if coordinate not in _names(REFUSED):
            continue
        for parent in await foreign_parents(scoped, coordinate.partition(".")[0], theirs):
            answers = []
            for each in (parent, missing_like(parent)):
                ctx = scoped.context(who)
                told = await _answer(field, each, ctx)
                answers.append((told, _rows(ctx, each)))
                if _is_reference(field) and not told and (aged := _aged(ctx, each)):
                    found.append(f"{coordinate}: {aged}")
            told_refs = _refs(answers[0][0])
            is_same = answers[0] == answers[1] or coordinate in LED_BY_REFERENCES
            read = await scoped.context(who).reads.record_by_ref(told_refs)
            # an account of the CRM, and what is of it alone, may be of both units
            shared = [ref for ref in told_refs if who.business_units and ref.system == "crm"]
            if None in read or told_refs != shared or not (told_refs or is_same):
                found.append(f"{coordinate}: {answers[0]} / {answers[1]}")
    return found


def _refs(told: Any) -> list[Ref]:
    if isinstance(told, Ref):
        return [told]
    return [ref for each in told for ref in _refs(each)] if isinstance(told, list) else []


def _rows(ctx: Context, parent: Any) -> list[Any]:
    """The rows of `sections`, without when it was read."""
    if not isinstance(parent, Record):
        return []
    rows = ctx.reads.sections_of(parent)[1:]
    return [(each.name, each.system, each.state, each.code) for each in rows]


def _is_reference(field: GraphQLField) -> bool:
    """Whether the edge reads the one record that its parent names."""
    binding = binding_of(field)
    return binding is not None and any(each.endswith("_BY_REF") for each in binding.reads)


def _aged(ctx: Context, parent: Any) -> list[SectionState]:
    """Rows that say how old something is: of what is hidden that is when it was read, by anybody.

    What is missing was read just now; the difference would tell that there is something.
    """
    if not isinstance(parent, Record):
        return []
    rows = ctx.reads.sections_of(parent)[1:]
    return [row for row in rows if row.as_of is not None or row.fetched_at is not None]


async def test_every_edge_has_a_row() -> None:
    found = {coordinate for coordinate, _ in edges_of(build_schema()._schema)}
    told = _names(OF_THE_PARENT) | _names(OF_STREAMS) | _names(OF_COMMANDS)
    assert found == _names(REFUSED) | _names(OPEN) | told
    assert set(NOUNS) - NOUNS_OWNED == {"item", "inventory_position"}
    assert {each.name for each in fields(TimelineEntry)} >= {"subject", "order"}


@pytest.mark.parametrize(
    "name",
    ["customer, same ERP", "customer, other ERP", "agent of the European unit",
     "operator of the American unit", "partner"],
)  # fmt: skip
async def test_an_edge_of_a_foreign_parent_leads_nowhere(scoped: ScopedHub, name: str) -> None:
    who, _, theirs = askers(scoped)[name]
    assert await violations(scoped, who, theirs) == []


async def test_the_same_edges_lead_somewhere_for_the_owner(scoped: ScopedHub) -> None:
    who, mine, _ = askers(scoped)["customer, same ERP"]
    silent = []
    for coordinate, field in edges_of(build_schema()._schema):
        if coordinate in _names(REFUSED) - {"PriceRow.customer"}:
            parents = await foreign_parents(scoped, coordinate.partition(".")[0], mine)
            told = [await _answer(field, each, scoped.context(who)) for each in parents]
            if not any(told):
                silent.append(coordinate)
    # this shipment went out and brought nothing back; this memo names no invoice
    assert silent == ["Invoice.creditMemos", "Shipment.rma"]
