"""What lies in the warehouses, and what the ERPs charge for it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from random import Random

from hub.demo.plan.orders import RATES
from hub.demo.plan.records import Customer, Item, Order, Price, Stock
from hub.demo.plan.when import HISTORY_DAYS, REFERENCE_AT, days_before_reference, dice

PLACES = {"north": ("HAM-1", "HAM-2"), "south": ("MEM-1",)}
LIST_CURRENCIES = {"erp-eu": ("EUR", "GBP", "SEK"), "erp-us": ("USD", "CAD")}
STEPS = ((1, "1"), (10, "0.95"))
"""Minimum quantity and the factor on the list price from there on."""
CONTRACT_EVERY = 5
"""One customer in so many has contract prices, for one item in so many of theirs."""


def plan_stock(orders: Sequence[Order], items: Sequence[Item]) -> tuple[Stock, ...]:
    """A row for each item and place; allocations and backorders agree with the open lines."""
    rng = dice("stock")
    allocated, backordered = _demand(orders)
    rows = []
    for warehouse, places in PLACES.items():
        for item in items:
            for index, place in enumerate(places):
                wanted = (warehouse, item.sku)
                taken = (allocated[wanted], backordered[wanted]) if index == 0 else (0, 0)
                rows.append(_row(rng, item, (warehouse, place), taken))
    return tuple(rows)


def _demand(
    orders: Sequence[Order],
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Units allocated and not yet gone, and units owed, by warehouse and SKU."""
    allocated: Counter[tuple[str, str]] = Counter()
    backordered: Counter[tuple[str, str]] = Counter()
    for order in orders:
        for line in order.lines:
            key = (line.warehouse, line.sku)
            allocated[key] += line.progress.allocated - line.progress.shipped
            backordered[key] += line.progress.backordered
    return allocated, backordered


def _row(rng: Random, item: Item, where: tuple[str, str], demand: tuple[int, int]) -> Stock:
    warehouse, place = where
    allocated, backordered = demand
    is_out = backordered > 0
    free = 0 if is_out else rng.randrange(0, 400)
    hold, damaged, quarantine = rng.choice((0, 0, 0, 4)), rng.choice((0, 0, 2)), rng.choice((0, 3))
    is_coming = is_out or rng.random() < 0.3
    return Stock(
        warehouse=warehouse,
        place=place,
        sku=item.sku,
        unit=item.unit,
        lot=None,
        on_hand=allocated + free + hold + damaged + quarantine,
        allocated=allocated,
        reserved=rng.choice((0, 0, 0, 5)) if free > 20 else 0,
        quality_hold=hold,
        damaged=damaged,
        quarantine=quarantine,
        safety=rng.choice((0, 5, 10)),
        inbound=rng.randrange(20, 200) if is_coming else 0,
        eta_on=(REFERENCE_AT + timedelta(days=rng.randrange(3, 40))).date() if is_coming else None,
        backordered=backordered,
        counted_at=REFERENCE_AT - timedelta(hours=rng.randrange(10, 900)),
    )


def plan_prices(items: Sequence[Item], customers: Sequence[Customer]) -> tuple[Price, ...]:
    return tuple([*_list_prices(items), *_contract_prices(items, customers)])


def _list_prices(items: Sequence[Item]) -> Iterator[Price]:
    since = days_before_reference(HISTORY_DAYS).date()
    for erp, currencies in LIST_CURRENCIES.items():
        for currency in currencies:
            for item in items:
                for minimum, factor in STEPS:
                    yield Price(
                        erp=erp,
                        sku=item.sku,
                        unit=item.unit,
                        customer=None,
                        price_list=f"LIST-{currency}",
                        price=_in(currency, item.list_price, Decimal(factor)),
                        currency=currency,
                        minimum=minimum,
                        valid_from=since,
                        valid_to=None,
                    )


def _contract_prices(items: Sequence[Item], customers: Sequence[Customer]) -> Iterator[Price]:
    since = days_before_reference(200).date()
    for index, customer in enumerate(customers[::CONTRACT_EVERY]):
        for item in items[index % CONTRACT_EVERY :: CONTRACT_EVERY]:
            yield Price(
                erp=customer.erp,
                sku=item.sku,
                unit=item.unit,
                customer=customer.number,
                price_list="CONTRACT",
                price=_in(customer.currency, item.list_price, Decimal("0.88")),
                currency=customer.currency,
                minimum=1,
                valid_from=since,
                valid_to=(REFERENCE_AT + timedelta(days=165)).date(),
            )


def _in(currency: str, euros: Decimal, factor: Decimal) -> Decimal:
    return (euros * Decimal(RATES[currency]) * factor).quantize(Decimal("0.01"))
