"""The European ERP's own codes for what the plan says in words."""

ORDER = {
    "OPEN": "10", "CONFIRMED": "30", "ON_HOLD": "40", "IN_FULFILLMENT": "60", "COMPLETED": "90",
    "CANCELLED": "99",
}  # fmt: skip
LINE = {
    "PENDING": "05", "BACKORDERED": "15", "ON_HOLD": "20", "ALLOCATED": "22", "RELEASED": "33",
    "PICKING": "40", "PICKED": "44", "SHORT_PICKED": "46", "PACKED": "55", "SHIPPED": "66",
    "DELIVERED": "77", "CANCELLED": "99",
}  # fmt: skip
HOLD = {"CREDIT": "CR", "PRICE": "PR", "ADDRESS": "AD", "STOCK": "ST", "COMPLIANCE": "CO",
        "MANUAL": "MA"}  # fmt: skip
PRIORITY = {1: "1", 2: "2", 3: "3", 4: "4"}
INVOICE = {"POSTED": "20", "PARTIALLY_PAID": "30", "DISPUTED": "35", "PAID": "40"}
MEMO = {"POSTED": "20", "APPLIED": "40"}
RMA = {
    "REQUESTED": "05", "PENDING_REVIEW": "08", "AUTHORIZED": "10", "IN_TRANSIT": "20",
    "PARTIALLY_RECEIVED": "30", "RECEIVED": "33", "INSPECTED": "40", "DISPOSITIONED": "50",
    "CREDIT_PENDING": "60", "CREDITED": "70", "CLOSED": "80", "DECLINED": "90", "CANCELLED": "95",
    "EXPIRED": "97",
}  # fmt: skip
REASON = {
    "DEFECTIVE": "D1", "DAMAGED_IN_TRANSIT": "D2", "WRONG_ITEM_SHIPPED": "W1",
    "WRONG_QUANTITY": "W2", "NOT_AS_DESCRIBED": "N1", "ORDERED_IN_ERROR": "O1",
    "NO_LONGER_NEEDED": "N2", "LATE_DELIVERY": "L1", "WARRANTY": "G1", "OTHER": "X9",
    "PRICING_DISPUTE": "P1", "SHORT_SHIPMENT": "S1", "GOODWILL": "K1",
}  # fmt: skip
RESOLUTION = {"CREDIT": "C", "REPLACEMENT": "R"}
