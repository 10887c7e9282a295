"""The price that holds for a customer, a quantity and a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from hub.model.errors import OpsHubError
from hub.model.inventory import Price
from hub.model.values import Ref
from hub.reads.answers import PriceAnswer
from hub.reads.asking import Asking
from hub.reads.memory import Asked
from hub.reads.owners import Owners
from hub.reads.port import RecordSource
from hub.reads.relations import PRICES_BY_SKU, can_answer

_NOUN, _FIELD = PRICES_BY_SKU.noun, PRICES_BY_SKU.by


async def price_for(
    asking: Asking,
    owners: Owners,
    sources: Mapping[str, RecordSource],
    customer: Sequence[Ref],
    wanted: tuple[str, Decimal, date],
) -> PriceAnswer | None:
    """`customer` is every ref of one customer, `wanted` is SKU, quantity and day.

    None where no row holds; the system's error where none was found and one failed. A list price
    counts only in a system that knows the customer: another company's list is not theirs.
    """
    sku, quantity, on = wanted
    serving = [
        name
        for name, source in sources.items()
        if _NOUN in source.nouns and can_answer(source.nouns[_NOUN], _FIELD, None)
    ]
    answers = await asking.answers([Asked(name, _NOUN, _FIELD, sku) for name in serving])
    rows: list[Price] = []
    failures: list[OpsHubError] = []
    for answer in answers:
        told, failed = owners.told(answer.value)
        rows += [row for row in told if isinstance(row, Price)]
        failures += failed
    best = best_price(rows, customer=customer, quantity=quantity, on=on)
    if best is not None:
        own = best.customer is not None
        return PriceAnswer(best, sku, quantity, is_own=own, failures=tuple(failures))
    if failures:
        raise failures[0]
    return None


def best_price(
    rows: Sequence[Price], *, customer: Sequence[Ref], quantity: Decimal, on: date
) -> Price | None:
    """Their own row before a list price; then the largest quantity break, the newest, the lowest.

    Both ends of the validity are inclusive; rows without a price never hold.
    """
    systems = {ref.system for ref in customer}
    holding = [
        row
        for row in rows
        if row.unit_price is not None
        and (row.customer in customer or (row.customer is None and row.ref.system in systems))
        and _is_valid(row, on)
        and _minimum(row) <= quantity
    ]
    return min(holding, key=_preference, default=None)


def _is_valid(row: Price, on: date) -> bool:
    begins, ends = row.valid_from or date.min, row.valid_to or date.max
    return begins <= on <= ends


def _minimum(row: Price) -> Decimal:
    return Decimal(0) if row.minimum_quantity is None else row.minimum_quantity.value


def _preference(row: Price) -> tuple[bool, Decimal, int, Decimal, Ref]:
    assert row.unit_price is not None  # rows without one were left out
    newest = (row.valid_from or date.min).toordinal()
    return (row.customer is None, -_minimum(row), -newest, row.unit_price.amount, row.ref)
