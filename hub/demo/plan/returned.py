"""The statuses of a return in their order, and the two side statuses ERPs keep beside them."""

STATUSES = (
    "REQUESTED", "PENDING_REVIEW", "AUTHORIZED", "IN_TRANSIT", "PARTIALLY_RECEIVED", "RECEIVED",
    "INSPECTED", "DISPOSITIONED", "CREDIT_PENDING", "CREDITED", "CLOSED", "DECLINED", "CANCELLED",
    "EXPIRED",
)  # fmt: skip

LOGISTICS = {
    "REQUESTED": "NOT_SHIPPED",
    "PENDING_REVIEW": "NOT_SHIPPED",
    "AUTHORIZED": "LABEL_ISSUED",
    "IN_TRANSIT": "IN_TRANSIT",
    "PARTIALLY_RECEIVED": "PARTIALLY_RECEIVED",
    "DECLINED": "NOT_SHIPPED",
    "CANCELLED": "NOT_SHIPPED",
    "EXPIRED": "NOT_SHIPPED",
}
"""By status; every later one is RECEIVED."""

CREDIT = {
    "CREDIT_PENDING": "PENDING_APPROVAL",
    "CREDITED": "POSTED",
    "CLOSED": "POSTED",
    "DECLINED": "NOT_APPLICABLE",
    "CANCELLED": "NOT_APPLICABLE",
    "EXPIRED": "NOT_APPLICABLE",
}
"""By status; every other one is NOT_STARTED."""


def logistics_status(status: str) -> str:
    return LOGISTICS.get(status, "RECEIVED")


def credit_status(status: str) -> str:
    return CREDIT.get(status, "NOT_STARTED")
