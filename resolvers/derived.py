"""The statuses of an order that nobody stores: read what decides them, then derive.

A derived status needs its inputs whole: where a system that decides it failed, its error is the
answer. `hub.model.derived` holds the rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, cast

from hub.model import derived
from hub.model.errors import OpsHubError
from hub.model.order import FulfillmentStatus, Order, OrderLine
from hub.model.returns import Return
from hub.model.shipment import Shipment
from hub.reads import relations
from hub.reads.relations import Relation
from hub.reads.sections import Section
from resolvers.context import Context
from resolvers.edges import failure_of
from resolvers.partial import Partial

Derived = Enum | Partial | OpsHubError | None


async def fulfillment_status(orders: Sequence[Order], ctx: Context) -> list[Derived]:
    """How far each order is fulfilled. Shipments that failed matter only where its lines do not
    count by themselves what has shipped."""
    by_line, by_shipment = await asyncio.gather(
        ctx.reads.related(relations.LINES_BY_ORDER, orders),
        with_children(ctx, relations.SHIPMENTS_BY_ORDER, orders, relations.LINES_BY_SHIPMENT),
    )
    return [_fulfilled(*pair) for pair in zip(by_line, by_shipment, strict=True)]


def _fulfilled(lines: Section, shipments: Section) -> FulfillmentStatus | Partial | Any:
    if not lines.is_served or lines.failures:
        return undecided(lines)
    of_lines = cast("Sequence[OrderLine]", lines.records)
    if shipments.failures and not derived.counts_shipments(of_lines):
        return undecided(shipments)
    return derived.fulfillment_status(of_lines, cast("Sequence[Shipment]", shipments.records))


async def return_status(orders: Sequence[Order], ctx: Context) -> list[Derived]:
    """How much of each order comes back."""
    by_return, by_line = await asyncio.gather(
        with_children(ctx, relations.RETURNS_BY_ORDER, orders, relations.LINES_BY_RETURN),
        ctx.reads.related(relations.LINES_BY_ORDER, orders),
    )
    return _derived(derived.return_status, by_line, by_return)


async def financial_status(orders: Sequence[Order], ctx: Context) -> list[Derived]:
    """How each order is billed and credited; without a system of credit memos none are given."""
    invoices, credit_memos = await asyncio.gather(
        ctx.reads.related(relations.INVOICES_BY_ORDER, orders),
        ctx.reads.related(relations.CREDIT_MEMOS_BY_ORDER, orders),
    )
    return _derived(
        derived.financial_status,
        invoices,
        [section if section.is_served else NOTHING for section in credit_memos],
    )


NOTHING = Section((), (), is_served=True)


def _derived(
    rule: Callable[..., Enum | None], one: Iterable[Section], other: Iterable[Section]
) -> list[Derived]:
    answers: list[Derived] = []
    for sections in zip(one, other, strict=True):
        missing = next((each for each in sections if not each.is_served or each.failures), None)
        is_decided = missing is None
        answers.append(
            rule(*(each.records for each in sections)) if is_decided else undecided(missing)
        )
    return answers


def undecided(section: Section | None) -> Partial | OpsHubError | None:
    """Null where no system serves what decides it, else the failure of those that do."""
    return failure_of(section) if section is not None and section.is_served else None


async def with_children(
    ctx: Context, relation: Relation, orders: Sequence[Order], children: Relation
) -> list[Section]:
    """The relation's records, each carrying its lines; a failure below is one of the section."""
    sections = await ctx.reads.related(relation, orders)
    parents = [record for section in sections for record in section.records]
    found = iter(await ctx.reads.related(children, parents) if parents else [])
    return [_filled(section, [next(found) for _ in section.records]) for section in sections]


def _filled(section: Section, below: Sequence[Section]) -> Section:
    records = tuple(
        replace(cast("Shipment | Return", record), lines=cast(Any, part.records))
        if part.is_served
        else record
        for record, part in zip(section.records, below, strict=True)
    )
    failures = (*section.failures, *(error for part in below for error in part.failures))
    return Section(records, failures, section.is_served)
