"""A small company: one ERP, a second one that knows the same number, a WMS, a CRM, a carrier."""

from collections.abc import Sequence
from decimal import Decimal

from hub.model.case import Case, CaseStatus, Message, Visibility
from hub.model.customer import Customer
from hub.model.errors import UnmappedValue
from hub.model.inventory import InventoryPosition, Item
from hub.model.invoice import CreditMemo, CreditMemoStatus, Invoice, InvoiceLine, InvoiceStatus
from hub.model.order import HoldReason, Order, OrderLine, OrderStatus
from hub.model.returns import Disposition, Inspection, Receipt, Return, ReturnLine, RmaStatus
from hub.model.shipment import Milestone, Shipment, ShipmentLine, ShipmentStatus
from hub.model.values import Attribute, AttributeType, Money, Quantity, Ref
from tests.unit.resolvers.shelf import NOON, Shelf, told

ERP = "erp-eu"
ORDER = Ref("order", ERP, "1")
RMA = Ref("return", ERP, "R1")
SHIPMENT = Ref("shipment", "wms", "S1")
CUSTOMER = Ref("customer", ERP, "C1")
CASE = Ref("case", "crm", "K1")

UNKNOWN_STATUS = UnmappedValue("wms", "status", "77", ("10", "20"))
INTERNAL_NOTE = Attribute("credit_note", AttributeType.STRING, "slow payer", ERP, frozenset())
DOCK = Attribute("dock", AttributeType.STRING, "7", ERP, frozenset({"agent", "customer"}))
WINDOW = Attribute("window", AttributeType.STRING, "AM", ERP, frozenset({"finance"}))


def euros(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def pieces(count: int) -> Quantity:
    return Quantity(Decimal(count), "EA")


def erp() -> Shelf:
    records = [
        told(
            Order, ERP, "1", number="4711", status=OrderStatus.ON_HOLD, customer=CUSTOMER,
            hold_reason=HoldReason.CREDIT, po_number="PO-9", placed_at=NOON, currency="EUR",
            total=euros("119.00"), ship_to_city="Ulm", sales_person="Kim",
            attributes={one.key: one for one in (INTERNAL_NOTE, DOCK, WINDOW)},
        ),
        told(Order, ERP, "2", number="4712", status=OrderStatus.OPEN),
        told(OrderLine, ERP, "1/10", order=ORDER, line_number=10, sku="A", ordered=pieces(2),
             item=Ref("item", ERP, "I1"), unit_cost=euros("7.00")),
        told(OrderLine, ERP, "1/20", order=ORDER, line_number=20, sku="A", ordered=pieces(1)),
        told(Item, ERP, "I1", sku="A", description="Axle", unit_cost=euros("7.00")),
        told(
            Customer, ERP, "C1", number="100", name="Ada", credit_limit=euros("500"),
            credit_exposure=euros("620.50"), credit_hold=True, segment="B",
        ),
        told(Invoice, ERP, "V1", number="V1", order=ORDER, status=InvoiceStatus.POSTED,
             total=euros("119.00"), posted_at=NOON),
        told(InvoiceLine, ERP, "V1/1", invoice=Ref("invoice", ERP, "V1"), line_number=1,
             order_line=10, sku="A", amount=euros("80.00")),
        told(CreditMemo, ERP, "M1", number="M1", order=ORDER, rma=RMA, total=euros("40.00"),
             invoice=Ref("invoice", ERP, "V1"), status=CreditMemoStatus.POSTED,
             external_reference="hub-1", posted_at=NOON),
        told(Return, ERP, "R1", number="RMA-1", order=ORDER, customer=CUSTOMER,
             status=RmaStatus.CREDITED, requested_at=NOON),
        told(ReturnLine, ERP, "R1/1", rma=RMA, line_number=1, order_line=10, sku="A",
             requested=pieces(1), received=pieces(1)),
    ]  # fmt: skip
    serves = (
        Order,
        OrderLine,
        Item,
        Customer,
        Invoice,
        InvoiceLine,
        CreditMemo,
        Return,
        ReturnLine,
    )
    return Shelf(ERP, "erp", records, serves)


def other_erp() -> Shelf:
    records = [
        told(Order, "erp-us", "9", number="4712", placed_at=NOON,
             customer=Ref("customer", "erp-us", "77")),
        told(Customer, "erp-us", "77", number="77", name="Ada US"),
    ]  # fmt: skip
    return Shelf("erp-us", "erp", records, (Order, OrderLine, Customer))


def wms() -> Shelf:
    records = [
        told(Shipment, "wms", "S1", number="S1", order=ORDER, status=ShipmentStatus.IN_TRANSIT,
             carrier="UPS", tracking_number="1Z9", created_at=NOON, shipped_at=NOON),
        told(Shipment, "wms", "S2", number="S2", order=ORDER, gaps=(UNKNOWN_STATUS,)),
        told(ShipmentLine, "wms", "S1/1", shipment=SHIPMENT, order_line=10, item="A",
             quantity=pieces(2)),
        told(Receipt, "wms", "E1", number="E1", rma=RMA, quantity=pieces(1), received_by="Lee"),
        told(Inspection, "wms", "Q1", number="Q1", rma=RMA, notes="scratched"),
        told(Disposition, "wms", "D1", number="D1", rma=RMA),
        told(InventoryPosition, "wms", "P1", sku="A", location="U1", on_hand=pieces(9),
             damaged=pieces(2)),
    ]  # fmt: skip
    serves = (Shipment, ShipmentLine, Receipt, Inspection, Disposition, InventoryPosition)
    return Shelf("wms", "wms", records, serves)


def carrier() -> Shelf:
    scan = told(Milestone, "ups", "X1", carrier="UPS", tracking_number="1Z9", occurred_at=NOON,
                code=ShipmentStatus.IN_TRANSIT)  # fmt: skip
    return Shelf("ups", "carrier", [scan], (Milestone,))


def crm() -> Shelf:
    records = [
        told(Case, "crm", "K1", number="K1", order=ORDER, customer=CUSTOMER, rma=RMA,
             subject="Where is it?", status=CaseStatus.OPEN, assignee="Bo", opened_at=NOON),
        told(Message, "crm", "K1/1", case=CASE, body="private", sent_at=NOON),
        told(Message, "crm", "K1/2", case=CASE, body="hello", sent_at=NOON,
             visibility=Visibility.CUSTOMER),
    ]  # fmt: skip
    return Shelf("crm", "crm", records, (Case, Message))


def company() -> Sequence[Shelf]:
    return erp(), other_erp(), wms(), carrier(), crm()
