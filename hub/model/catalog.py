"""Every noun a systems file may declare, by its name there."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hub.model.case import Case, Message
from hub.model.customer import Customer
from hub.model.inventory import InventoryPosition, Item, Price
from hub.model.invoice import CreditMemo, Invoice, InvoiceLine
from hub.model.order import Order, OrderLine
from hub.model.record import Record
from hub.model.returns import Disposition, Inspection, Receipt, Return, ReturnLine
from hub.model.shipment import Milestone, Shipment, ShipmentLine

NOUNS: Mapping[str, type[Record]] = MappingProxyType(
    {
        noun.NOUN: noun
        for noun in (
            Order, OrderLine, Customer, Item, InventoryPosition, Price, Shipment, ShipmentLine,
            Milestone, Invoice, InvoiceLine, CreditMemo, Return, ReturnLine, Receipt, Inspection,
            Disposition, Case, Message,
        )
    }
)  # fmt: skip
