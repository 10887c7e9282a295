"""The public contract as a table: every root field, and the schema put together from them."""

from __future__ import annotations

import strawberry
from graphql import lexicographic_sort_schema, print_schema
from strawberry.schema.config import StrawberryConfig

from resolvers import audit, command_money, command_orders, command_stock, live, references, roots
from resolvers import commands as given
from resolvers import dead_letters as letters
from resolvers.audit import AuditEntryConnection, RefusalCount
from resolvers.case import Case
from resolvers.command_payloads import (
    InvoiceCommandPayload,
    ItemCommandPayload,
    OrderCommandPayload,
)
from resolvers.commands import Command, CommandConnection
from resolvers.customer import Customer
from resolvers.dead_letters import DeadLetter, DeadLetterConnection, DeadLettersPayload
from resolvers.fields import mutation, root
from resolvers.inventory import Availability, Item, Price
from resolvers.live_types import (
    CaseItem,
    CommandStatusItem,
    OrderStatusItem,
    OrderTimelineItem,
    ReturnStatusItem,
    ShipmentMilestoneItem,
)
from resolvers.order import Order
from resolvers.references import ReferencesPayload
from resolvers.returns import Rma
from resolvers.scalars import LONG, SCALARS, Long
from resolvers.search import SearchAnswer, search
from resolvers.shipment import Shipment
from resolvers.sourced import Node, SourceRef
from resolvers.system import Me, System, me, systems
from resolvers.timeline import ENTRY_TYPES


@strawberry.type(description="What may be asked.")
class Query:
    order: Order | None = root(
        roots.order, reads=("ORDER_BY_REF",), description="An order, by one of its names."
    )
    orders: list[Order | None] | None = root(
        roots.orders, reads=("ORDER_BY_REF",), description="Orders, aligned with the ids."
    )
    customer: Customer | None = root(
        roots.customer, reads=("CUSTOMER_BY_REF",), description="A customer, by id or number."
    )
    item: Item | None = root(
        roots.item, reads=("ITEM_BY_REF",), description="An item, by id or SKU."
    )
    availability: list[Availability] | None = root(
        roots.availability,
        reads=("POSITIONS_BY_SKU",),
        description="What may be promised, by SKU as asked, then location.",
    )
    price: Price | None = root(
        roots.price, reads=("PRICES_BY_SKU",), description="The price that holds today."
    )
    shipment: Shipment | None = root(
        roots.shipment,
        reads=("SHIPMENT_BY_REF",),
        description="A shipment, by id, or by carrier and tracking number.",
    )
    rma: Rma | None = root(
        roots.rma, reads=("RETURN_BY_REF",), description="A return, by id or RMA number."
    )
    case: Case | None = root(
        roots.case, reads=("CASE_BY_REF",), description="A service case, by id or number."
    )
    search: SearchAnswer | None = root(
        search, reads=("SEARCH",), description="Whatever carries this number or name, best first."
    )
    node: Node | None = root(roots.node, description="Whatever the id names.")
    nodes: list[Node | None] | None = root(roots.nodes, description="What the ids name, aligned.")
    systems: list[System] | None = root(
        systems, description="The connected systems and their health."
    )
    unmatched_references: list[SourceRef] | None = root(
        references.unmatched_references,
        description="References that no other system is known to share.",
    )
    audit_entries: AuditEntryConnection | None = audit.audit_entries
    refusals: list[RefusalCount] | None = audit.refusals
    dead_letters: DeadLetterConnection | None = letters.dead_letters
    dead_letter: DeadLetter | None = letters.dead_letter
    command: Command | None = given.command
    commands: CommandConnection | None = given.commands
    me: Me = root(me, description="Who is asking.")


@strawberry.type(description="What may be changed. Mutations of a document run one by one.")
class Mutation:
    link_references: ReferencesPayload | None = mutation(
        references.link_references,
        description="Declare references the same thing. For operators; audited.",
    )
    unlink_reference: ReferencesPayload | None = mutation(
        references.unlink_reference,
        description="Take a reference out of those it is linked with. For operators; audited.",
    )
    replay_dead_letters: DeadLettersPayload | None = letters.replay_dead_letters
    drop_dead_letters: DeadLettersPayload | None = letters.drop_dead_letters
    hold_order: OrderCommandPayload | None = command_orders.hold_order
    release_order_hold: OrderCommandPayload | None = command_orders.release_order_hold
    cancel_order_lines: OrderCommandPayload | None = command_orders.cancel_order_lines
    add_timeline_note: OrderCommandPayload | None = command_orders.add_timeline_note
    issue_credit: InvoiceCommandPayload | None = command_money.issue_credit
    adjust_inventory: ItemCommandPayload | None = command_stock.adjust_inventory


@strawberry.type(description="What may be followed. The first item is the state now.")
class Subscription:
    order_timeline: OrderTimelineItem = live.order_timeline
    order_status_changed: OrderStatusItem = live.order_status_changed
    return_status_changed: ReturnStatusItem = live.return_status_changed
    shipment_milestones: ShipmentMilestoneItem = live.shipment_milestones
    case_updated: CaseItem = live.case_updated
    command_status_changed: CommandStatusItem = live.command_status_changed


def build_schema() -> strawberry.Schema:
    """The schema, sorted by name; a new one each time, over the same types."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=ENTRY_TYPES,
        config=StrawberryConfig(scalar_map=SCALARS | {Long: LONG}),
    )


def print_schema_text() -> str:
    """The schema in its definition language, sorted by name, descriptions kept."""
    return print_schema(lexicographic_sort_schema(build_schema()._schema)) + "\n"
