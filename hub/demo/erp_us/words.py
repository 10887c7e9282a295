"""The American ERP's own words for what the plan says."""

ORDER = {
    "DRAFT": "Quote", "OPEN": "Entered", "CONFIRMED": "Booked", "ON_HOLD": "Hold",
    "IN_FULFILLMENT": "Processing", "COMPLETED": "Fulfilled", "CANCELLED": "Void",
}  # fmt: skip
LINE = {
    "PENDING": "Entered", "BACKORDERED": "Backordered", "ON_HOLD": "Hold",
    "ALLOCATED": "Reserved", "RELEASED": "Released", "PICKING": "Picking", "PICKED": "Picked",
    "SHORT_PICKED": "Short", "PACKED": "Packed", "SHIPPED": "Shipped", "DELIVERED": "Delivered",
    "CANCELLED": "Void",
}  # fmt: skip
HOLD = {
    "CREDIT": "Credit Limit", "PRICE": "Price Check", "ADDRESS": "Bad Address",
    "STOCK": "No Stock", "COMPLIANCE": "Export Control", "MANUAL": "Manual",
}  # fmt: skip
PRIORITY = {1: "Low", 2: "Standard", 3: "Rush", 4: "Line Down"}
INVOICE = {"POSTED": "Open", "PARTIALLY_PAID": "Part Paid", "DISPUTED": "Disputed", "PAID": "Paid"}
MEMO = {"POSTED": "Open", "APPLIED": "Fully Applied"}
RMA = {
    "REQUESTED": "Requested", "PENDING_REVIEW": "In Review", "AUTHORIZED": "Pending Receipt",
    "IN_TRANSIT": "In Transit", "PARTIALLY_RECEIVED": "Partially Received",
    "RECEIVED": "Received", "INSPECTED": "Inspected", "DISPOSITIONED": "Dispositioned",
    "CREDIT_PENDING": "Pending Refund", "CREDITED": "Refunded", "CLOSED": "Closed",
    "DECLINED": "Denied", "CANCELLED": "Cancelled", "EXPIRED": "Lapsed",
}  # fmt: skip
LOGISTICS = {
    "NOT_SHIPPED": "Not Shipped", "LABEL_ISSUED": "Label Sent", "IN_TRANSIT": "In Transit",
    "PARTIALLY_RECEIVED": "Part Received", "RECEIVED": "Received",
}  # fmt: skip
CREDIT = {
    "NOT_STARTED": "None", "PENDING_APPROVAL": "Awaiting Approval", "POSTED": "Posted",
    "NOT_APPLICABLE": "N/A",
}  # fmt: skip
REASON = {
    "DEFECTIVE": "Defective", "DAMAGED_IN_TRANSIT": "Freight Damage",
    "WRONG_ITEM_SHIPPED": "Wrong Item", "WRONG_QUANTITY": "Wrong Qty",
    "NOT_AS_DESCRIBED": "Not As Described", "ORDERED_IN_ERROR": "Ordered In Error",
    "NO_LONGER_NEEDED": "Not Needed", "LATE_DELIVERY": "Late", "WARRANTY": "Warranty",
    "OTHER": "Other", "PRICING_DISPUTE": "Price Dispute", "SHORT_SHIPMENT": "Short Ship",
    "GOODWILL": "Goodwill",
}  # fmt: skip
RESOLUTION = {"CREDIT": "Refund", "REPLACEMENT": "Replace"}
