"""2,000 orders of two ERPs over 400 days; the younger, the less has happened to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from hub.demo.plan.progress import ORDER_STATUS, Seat, line_progress
from hub.demo.plan.records import Customer, Item, Line, Order
from hub.demo.plan.when import (
    HISTORY_DAYS,
    REFERENCE_AT,
    age_days,
    at_office_hour,
    days_before_reference,
    dice,
)

EU_ORDERS = 1200
US_ORDERS = 800
EU_FIRST_KEY = 100001
US_FIRST_KEY = 100101
"""The American ERP counts its own keys, and every one of them is also a key of the other ERP."""
SHARED_NUMBERS = 40
"""Orders 100101 to 100140 carry the same number in both ERPs."""
US_FIRST_OWN_NUMBER = 500001
DRAFTS = 12
RECENCY = 1.6
"""Above 1 the year is busier towards its end, so that enough orders are still under way."""
REQUOTED_EVERY = 97

CENT = Decimal("0.01")
TAX_RATES = {"EUR": "0.19", "SEK": "0.25", "GBP": "0.20", "USD": "0.08", "CAD": "0.13"}
RATES = {"EUR": "1", "SEK": "11.2", "GBP": "0.86", "USD": "1.09", "CAD": "1.48"}
"""What a list price (euros) is multiplied by; invented, and fixed for the whole year."""

# scenario and weight, for orders up to that age in days
SCENARIOS: tuple[tuple[float, tuple[tuple[str, int], ...]], ...] = (
    (
        5,
        (("open", 25), ("confirmed", 25), ("in_warehouse", 28), ("held", 8), ("backordered", 9),
         ("cancelled", 5)),
    ),
    (
        14,
        (("shipped", 35), ("delivered", 30), ("backordered", 9), ("short_picked", 9), ("held", 5),
         ("partial", 7), ("cancelled", 5)),
    ),
    (
        HISTORY_DAYS,
        (("delivered", 70), ("two_warehouses", 8), ("partial", 6), ("short_picked", 3),
         ("cancelled", 6), ("held", 2), ("line_cancelled", 5)),
    ),
)  # fmt: skip

NEEDS_TWO_LINES = frozenset({"two_warehouses", "line_cancelled", "partial"})
FORCED_EU = {123: "delivered", 130: "two_warehouses", 131: "partial", 140: "short_picked"}
"""Scenarios of well-known European orders, by the last three digits of keys below 100201."""
SALES_PEOPLE = ("Mara Voss", "Jonas Ek", "Priya Nair", "Tom Keller", "Lucia Ferri", "Sam Odell")


@dataclass(frozen=True, slots=True)
class Book:
    """What differs between the order books of the two ERPs."""

    erp: str
    opens_utc: int
    customers: Sequence[Customer]
    items: Sequence[Item]
    home_warehouse: str


def plan_orders(customers: Sequence[Customer], items: Sequence[Item]) -> tuple[Order, ...]:
    rng = dice("orders")
    european = Book("erp-eu", 7, [c for c in customers if c.erp == "erp-eu"], items, "north")
    american = Book("erp-us", 13, [c for c in customers if c.erp == "erp-us"], items, "south")
    orders = [
        _order(rng, european, key=EU_FIRST_KEY + index, placed_at=placed_at)
        for index, placed_at in enumerate(_moments(rng, EU_ORDERS, opens_utc=7))
    ]
    for index, placed_at in enumerate(_moments(rng, US_ORDERS, opens_utc=13)):
        orders.append(_order(rng, american, key=US_FIRST_KEY + index, placed_at=placed_at))
    return tuple(orders)


def _moments(rng: Random, count: int, *, opens_utc: int) -> list[datetime]:
    """Moments of placing an order, oldest first, all before the reference date."""
    ages = [1 + rng.random() ** RECENCY * (HISTORY_DAYS - 1) for _ in range(count)]
    days = [days_before_reference(age) for age in ages]
    return sorted(at_office_hour(day.date(), rng, opens_utc=opens_utc) for day in days)


def _order(rng: Random, book: Book, *, key: int, placed_at: datetime) -> Order:
    customer = rng.choice(book.customers)
    scenario = _scenario(rng, book, key=key, placed_at=placed_at)
    lines = _lines(rng, book, (scenario, customer.currency, placed_at))
    times = _times(rng, scenario, placed_at)
    return Order(
        erp=book.erp,
        key=str(key),
        number=_number(book.erp, key, scenario),
        customer=customer.number,
        currency=customer.currency,
        placed_at=placed_at,
        confirmed_at=times[0],
        completed_at=times[1],
        cancelled_at=times[2],
        updated_at=max(each for each in (placed_at, *times) if each is not None),
        requested_on=(placed_at + timedelta(days=rng.randrange(3, 21))).date(),
        scenario=scenario,
        status=ORDER_STATUS[scenario],
        hold_reason=_hold_reason(rng, customer) if scenario == "held" else None,
        po_number=f"PO-{rng.randrange(10000, 99999)}" if rng.random() < 0.85 else None,
        channel=rng.choice(("EDI", "WEB", "WEB", "PHONE", "EMAIL")),
        sales_person=rng.choice(SALES_PEOPLE),
        priority=rng.choice((1, 2, 2, 2, 2, 3, 4)),
        lines=lines,
    )


def _scenario(rng: Random, book: Book, *, key: int, placed_at: datetime) -> str:
    if book.erp == "erp-us" and key >= US_FIRST_KEY + US_ORDERS - DRAFTS:
        return "draft"
    forced = FORCED_EU.get(key - 100000) if book.erp == "erp-eu" else None
    if forced is not None:
        return forced
    choices = next(row for limit, row in SCENARIOS if age_days(placed_at) <= limit)
    scenario = rng.choices([each[0] for each in choices], [each[1] for each in choices])[0]
    # the southern warehouse serves both ERPs, the northern only the European one
    return "delivered" if scenario == "two_warehouses" and book.erp == "erp-us" else scenario


def _number(erp: str, key: int, scenario: str) -> str | None:
    if scenario == "draft":
        return None
    place = key - US_FIRST_KEY
    if erp == "erp-eu" or place < SHARED_NUMBERS:
        return str(key)
    requoted = "/1" if place % REQUOTED_EVERY == 0 else ""
    return f"{US_FIRST_OWN_NUMBER + place}{requoted}"


def _lines(rng: Random, book: Book, story: tuple[str, str, datetime]) -> tuple[Line, ...]:
    scenario, currency, placed_at = story
    count = rng.choice((1, 2, 2, 3, 3, 4, 5, 8))
    count = max(2, count) if scenario in NEEDS_TWO_LINES else count
    lines = []
    for index, item in enumerate(rng.sample(book.items, count)):
        most = 4 if item.serial_tracked else 24
        ordered = rng.randrange(2, most + 1)
        price = (item.list_price * Decimal(RATES[currency])).quantize(CENT)
        lines.append(
            Line(
                number=index + 1,
                sku=item.sku,
                unit=item.unit,
                ordered=ordered,
                price=price,
                tax=(price * ordered * Decimal(TAX_RATES[currency])).quantize(CENT),
                promised_on=(placed_at + timedelta(days=rng.randrange(4, 15))).date(),
                warehouse=_warehouse(book, scenario, index),
                progress=line_progress(scenario, Seat(index, count, ordered), rng),
            )
        )
    return tuple(lines)


def _warehouse(book: Book, scenario: str, index: int) -> str:
    return "south" if scenario == "two_warehouses" and index % 2 else book.home_warehouse


def _times(
    rng: Random, scenario: str, placed_at: datetime
) -> tuple[datetime | None, datetime | None, datetime | None]:
    """When it was confirmed, completed and cancelled; none of them after the reference date."""
    status = ORDER_STATUS[scenario]
    soon = placed_at + timedelta(minutes=rng.randrange(5, 300))
    later = min(placed_at + timedelta(days=rng.randrange(4, 9)), REFERENCE_AT)
    confirmed = None if status in ("DRAFT", "OPEN", "CANCELLED") else soon
    return (
        confirmed,
        later if status == "COMPLETED" else None,
        soon if status == "CANCELLED" else None,
    )


def _hold_reason(rng: Random, customer: Customer) -> str:
    if customer.is_on_hold:
        return "CREDIT"
    return rng.choice(("CREDIT", "PRICE", "ADDRESS", "STOCK", "COMPLIANCE", "MANUAL"))
