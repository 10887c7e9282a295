"""Names of types that point at one another across modules, resolved when the schema is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from resolvers.case import Case
    from resolvers.customer import Customer
    from resolvers.inventory import InventoryPosition, Item
    from resolvers.invoice import CreditMemo, Invoice
    from resolvers.order import Order
    from resolvers.returns import Rma
    from resolvers.shipment import Shipment

LazyCase = Annotated["Case", strawberry.lazy("resolvers.case")]
LazyCreditMemo = Annotated["CreditMemo", strawberry.lazy("resolvers.invoice")]
LazyCustomer = Annotated["Customer", strawberry.lazy("resolvers.customer")]
LazyInventoryPosition = Annotated["InventoryPosition", strawberry.lazy("resolvers.inventory")]
LazyInvoice = Annotated["Invoice", strawberry.lazy("resolvers.invoice")]
LazyItem = Annotated["Item", strawberry.lazy("resolvers.inventory")]
LazyOrder = Annotated["Order", strawberry.lazy("resolvers.order")]
LazyRma = Annotated["Rma", strawberry.lazy("resolvers.returns")]
LazyShipment = Annotated["Shipment", strawberry.lazy("resolvers.shipment")]
