"""How far each line of an order is, as a table from the order's scenario to a rule."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from hub.demo.plan.records import Progress


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a line sits in its order; rules look at nothing else."""

    index: int
    count: int
    ordered: int


Rule = Callable[[Seat, Random], Progress]


def line_progress(scenario: str, seat: Seat, rng: Random) -> Progress:
    return RULES[scenario](seat, rng)


def _pending(seat: Seat, rng: Random) -> Progress:
    return Progress("PENDING")


def _allocated(seat: Seat, rng: Random) -> Progress:
    return Progress("ALLOCATED", allocated=seat.ordered)


def _held(seat: Seat, rng: Random) -> Progress:
    return Progress("ON_HOLD")


def _cancelled(seat: Seat, rng: Random) -> Progress:
    return Progress("CANCELLED", cancelled=seat.ordered)


def _in_warehouse(seat: Seat, rng: Random) -> Progress:
    status = rng.choice(("RELEASED", "PICKING", "PICKED", "PACKED"))
    is_picked = status in ("PICKED", "PACKED")
    return Progress(
        status,
        allocated=seat.ordered,
        picked=seat.ordered if is_picked else 0,
        packed=seat.ordered if status == "PACKED" else 0,
    )


def _gone(status: str, shipped: int, *, delivered: int, backordered: int = 0) -> Progress:
    return Progress(
        status,
        allocated=shipped,
        picked=shipped,
        packed=shipped,
        shipped=shipped,
        delivered=delivered,
        backordered=backordered,
    )


def _shipped(seat: Seat, rng: Random) -> Progress:
    return _gone("SHIPPED", seat.ordered, delivered=0)


def _delivered(seat: Seat, rng: Random) -> Progress:
    return _gone("DELIVERED", seat.ordered, delivered=seat.ordered)


def _backordered(seat: Seat, rng: Random) -> Progress:
    if seat.index == 0:
        return Progress("BACKORDERED", backordered=seat.ordered)
    return _allocated(seat, rng)


def _partial(seat: Seat, rng: Random) -> Progress:
    """The first line went out in part and waits for the rest; the others arrived."""
    if seat.index > 0:
        return _delivered(seat, rng)
    gone = seat.ordered // 2
    return _gone("BACKORDERED", gone, delivered=gone, backordered=seat.ordered - gone)


def _short_picked(seat: Seat, rng: Random) -> Progress:
    if seat.index > 0:
        return Progress("PICKED", allocated=seat.ordered, picked=seat.ordered)
    missing = max(1, seat.ordered // 3)
    found = seat.ordered - missing
    return Progress("SHORT_PICKED", allocated=seat.ordered, picked=found, shorted=missing)


def _line_cancelled(seat: Seat, rng: Random) -> Progress:
    is_last = seat.index == seat.count - 1
    return _cancelled(seat, rng) if is_last else _delivered(seat, rng)


RULES: dict[str, Rule] = {
    "draft": _pending,
    "open": _pending,
    "confirmed": _allocated,
    "held": _held,
    "cancelled": _cancelled,
    "in_warehouse": _in_warehouse,
    "shipped": _shipped,
    "delivered": _delivered,
    "two_warehouses": _delivered,
    "backordered": _backordered,
    "partial": _partial,
    "short_picked": _short_picked,
    "line_cancelled": _line_cancelled,
}

ORDER_STATUS = {
    "draft": "DRAFT",
    "open": "OPEN",
    "confirmed": "CONFIRMED",
    "held": "ON_HOLD",
    "cancelled": "CANCELLED",
    "in_warehouse": "IN_FULFILLMENT",
    "shipped": "IN_FULFILLMENT",
    "delivered": "COMPLETED",
    "two_warehouses": "COMPLETED",
    "backordered": "CONFIRMED",
    "partial": "IN_FULFILLMENT",
    "short_picked": "IN_FULFILLMENT",
    "line_cancelled": "COMPLETED",
}
