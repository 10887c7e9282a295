"""The unified timeline: one interface, a concrete type for each category of entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import strawberry

from hub.model import timeline as model
from hub.model.case import ActorType, Visibility
from hub.model.ids import encode_id
from hub.model.record import Record
from hub.model.timeline import TimelineCategory as Category
from hub.model.values import Ref
from resolvers.context import Context
from resolvers.edges import told
from resolvers.fields import computed, edge, represents
from resolvers.lazy import LazyCase, LazyCreditMemo, LazyInvoice, LazyRma, LazyShipment
from resolvers.sourced import Money, Quantity, SourceRef

Entry = model.TimelineEntry


class Change(NamedTuple):
    before: str | None
    after: str | None


def entry_id(entry: Entry) -> str:
    """An opaque id over the entry's natural key: fetched or told, the same fact has the same."""
    return encode_id(Ref("timeline_entry", entry.system, entry.natural_key))


def change_of(entry: Entry) -> Change | None:
    """From what to what; null where the entry is no change of a state."""
    if entry.change_from is None and entry.change_to is None:
        return None
    return Change(entry.change_from, entry.change_to)


def subject_of(noun: str) -> Callable[..., Any]:
    """A batch function: the record an entry is about, where it is of that noun."""

    async def subject(
        entries: Sequence[Entry], ctx: Context
    ) -> Sequence[Record | Exception | None]:
        refs = [
            entry.subject if entry.subject and entry.subject.noun == noun else None
            for entry in entries
        ]
        return await ctx.reads.record_by_ref(refs)

    return subject


def about(noun: str, description: str) -> Any:
    """The record an entry is about; null where it is about something else."""
    return edge(subject_of(noun), reads=(f"{noun.upper()}_BY_REF",), description=description)


@represents(Change)
@strawberry.type(description="A change of a state, in the words of the system.")
class StateChange:
    before: str | None = told("What it was.", name="from")
    after: str | None = told("What it became.", name="to")


@represents(Entry)
@strawberry.type(description="Who did it.")
class Actor:
    actor_type: ActorType = told("What kind of party.", name="type")
    actor: str | None = told("The name the system gives.", name="name")


@strawberry.interface(description="One fact of an order's history, whoever told it.")
class TimelineEntry:
    id: strawberry.ID = computed(entry_id, description="Opaque id of the fact, stable.")
    sequence: int | None = told("The hub's number; null while the fact was only fetched.")
    category: Category = told("What it is about.")
    type: str = told("The dotted name of the fact, `shipment.delivered`.")
    severity: model.Severity = told("How much attention it wants.")
    visibility: Visibility = told("Who may read it.")
    title: str = told("The fact in a few words.")
    message: str | None = told("The fact in the system's words.")
    system: str = told("The system that told it.")
    actor: Actor = computed(lambda entry: entry, description="Who did it.")
    occurred_at: datetime = told("When it happened, as the system claims.")
    observed_at: datetime = told("When the hub learned of it.")
    recorded_at: datetime | None = told("When the hub recorded it; null while only fetched.")
    subject: SourceRef | None = told("What it is about, in the system that owns it.")
    change: StateChange | None = computed(change_of, description="From what to what.")
    correlation_id: str | None = told(
        "Follows the fact through every system: its own, else its order's."
    )
    causation_id: str | None = told("The event or command that caused it.")
    is_late: bool = told("Whether it was told after something that happened later.")
    is_clock_suspect: bool = told("Whether the system's clock cannot be right.")
    duplicate_count: int = told("How often it was told again.")
    collapsed_count: int = computed(
        lambda entry: len(entry.collapsed), description="Entries folded under this one."
    )
    collapsed: list[TimelineEntry] = told("The entries folded under this one, newest first.")


def stands_for(category: Category) -> Callable[[type], type]:
    """The entries of one category are of this type."""
    return represents(Entry, by="category", values=(category,))


@stands_for(Category.ORDER)
@strawberry.type(description="The order itself: placed, confirmed, changed, held, cancelled.")
class OrderEntry(TimelineEntry):
    pass


@stands_for(Category.FINANCE)
@strawberry.type(description="Money: invoiced, paid, credited, disputed.")
class FinanceEntry(TimelineEntry):
    money: Money | None = told("How much.")
    invoice: LazyInvoice | None = about("invoice", "The invoice, where it is about one.")
    credit_memo: LazyCreditMemo | None = about(
        "credit_memo", "The credit memo, where it is about one."
    )


@stands_for(Category.WAREHOUSE)
@strawberry.type(description="The warehouse: allocated, backordered, picked, short, packed.")
class WarehouseEntry(TimelineEntry):
    quantity: Quantity | None = told("How much.")


@stands_for(Category.SHIPMENT)
@strawberry.type(description="A consignment or its milestone; the carrier's scans lie under it.")
class ShipmentEntry(TimelineEntry):
    shipment: LazyShipment | None = about("shipment", "The shipment, where it is known.")
    quantity: Quantity | None = told("How much.")


@stands_for(Category.RETURN)
@strawberry.type(description="A return: requested, authorized, received, inspected, disposed of.")
class ReturnEntry(TimelineEntry):
    rma: LazyRma | None = about("return", "The return, where it is about one as a whole.")
    quantity: Quantity | None = told("How much.")
    money: Money | None = told("How much money.")


@stands_for(Category.INVENTORY)
@strawberry.type(description="Stock: a change of availability, an adjustment.")
class InventoryEntry(TimelineEntry):
    quantity: Quantity | None = told("How much.")


@stands_for(Category.CASE)
@strawberry.type(description="A service case: opened, assigned, answered, solved.")
class CaseEntry(TimelineEntry):
    case: LazyCase | None = about("case", "The case, where it is about one as a whole.")


@stands_for(Category.COMMUNICATION)
@strawberry.type(description="A message to the customer: sent or failed.")
class CommunicationEntry(TimelineEntry):
    pass


@stands_for(Category.NOTE)
@strawberry.type(description="A note somebody wrote.")
class NoteEntry(TimelineEntry):
    pass


@stands_for(Category.EXCEPTION)
@strawberry.type(description="Something that needs a person: raised, assigned, resolved.")
class ExceptionEntry(TimelineEntry):
    quantity: Quantity | None = told("How much.")


@stands_for(Category.SYNC)
@strawberry.type(description="Between the systems: lag, recovery, a mapping gap, a conflict.")
class SyncEntry(TimelineEntry):
    pass


@stands_for(Category.COMMAND)
@strawberry.type(description="A command to a system: accepted, refused, outcome unknown.")
class CommandEntry(TimelineEntry):
    pass


ENTRY_TYPES: tuple[type, ...] = (
    OrderEntry, FinanceEntry, WarehouseEntry, ShipmentEntry, ReturnEntry, InventoryEntry,
    CaseEntry, CommunicationEntry, NoteEntry, ExceptionEntry, SyncEntry, CommandEntry,
)  # fmt: skip
"""No field of the schema names them; they reach it through the interface."""
