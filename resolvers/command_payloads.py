"""The answers of commands: the receipt, what the command is about, and why it was not done."""

from __future__ import annotations

import strawberry

from resolvers.commanding import Commanded
from resolvers.edges import told
from resolvers.fields import represents
from resolvers.lazy import LazyInvoice, LazyItem, LazyOrder
from resolvers.receipts import CommandReceipt
from resolvers.user_errors import UserError


@represents(Commanded)
@strawberry.type(description="A command on an order, and the order.")
class OrderCommandPayload:
    receipt: CommandReceipt | None = told("What became of it; null for a dry run.", name="command")
    record: LazyOrder | None = told(
        "The order as it was checked, read again where the wait saw the end.", name="order"
    )
    user_errors: list[UserError] = told("Why it was not done; empty where nothing hindered.")


@represents(Commanded)
@strawberry.type(description="A command on an invoice, and the invoice.")
class InvoiceCommandPayload:
    receipt: CommandReceipt | None = told("What became of it; null for a dry run.", name="command")
    record: LazyInvoice | None = told(
        "The invoice as it was checked, read again where the wait saw the end.", name="invoice"
    )
    user_errors: list[UserError] = told("Why it was not done; empty where nothing hindered.")


@represents(Commanded)
@strawberry.type(description="A command on an item's stock, and the item.")
class ItemCommandPayload:
    receipt: CommandReceipt | None = told("What became of it; null for a dry run.", name="command")
    record: LazyItem | None = told(
        "The item as it was checked, read again where the wait saw the end.", name="item"
    )
    user_errors: list[UserError] = told("Why it was not done; empty where nothing hindered.")
