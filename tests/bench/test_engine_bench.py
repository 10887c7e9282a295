"""The engine alone, in memory: CPU against stock Strawberry and against a function by hand.

Ratios of CPU time in one run, the three taken in turns; the least of the rounds of each.
"""

import gc
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from resolvers.engine import Engine
from tests.bench.order_by_hand import order_json
from tests.bench.order_records import stocked
from tests.bench.order_types import ENGINE, MANY_ORDERS, ONE_ORDER, STOCK, build_schema

ROUNDS = 15
Answer = Callable[[], Awaitable[Any]]


def number_of_fields(answer: Any) -> int:
    """Response keys in the whole tree."""
    if isinstance(answer, list):
        return sum(map(number_of_fields, answer))
    if isinstance(answer, dict):
        return len(answer) + sum(map(number_of_fields, answer.values()))
    return 0


async def _cpu_s(answer: Answer, times: int) -> float:
    """CPU seconds of one answer, over so many of them."""
    started = time.process_time()
    for _ in range(times):
        await answer()
    return (time.process_time() - started) / times


async def _rounds(answers: dict[str, tuple[Answer, int]]) -> dict[str, list[float]]:
    """CPU seconds per answer and round, taken in turns after a warm-up."""
    for answer, _ in answers.values():
        await answer()
    gc.collect()
    gc.freeze()
    taken: dict[str, list[float]] = {name: [] for name in answers}
    try:
        for _ in range(ROUNDS):
            for name, (answer, times) in answers.items():
                taken[name].append(await _cpu_s(answer, times))
    finally:
        gc.unfreeze()
    return taken


@pytest.mark.bench
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("orders", "fields", "against_stock", "against_hand"),
    [(1, 236, 20.0, 6.0), (50, 11_751, 15.0, 3.0)],
)
async def test_the_engine_costs_a_fraction_of_stock(
    orders: int, fields: int, against_stock: float, against_hand: float
) -> None:
    shop = stocked(orders)
    source = ONE_ORDER if orders == 1 else MANY_ORDERS
    variables = {"number": shop.orders[0].number} if orders == 1 else None
    engine, stock = Engine(build_schema(ENGINE)), build_schema(STOCK)

    async def by_engine() -> Any:
        return (await engine.execute(source, variables=variables, context=shop)).data

    async def by_stock() -> Any:
        answer: Any = await stock.execute(source, variable_values=variables, context_value=shop)
        return answer.data

    async def by_hand() -> Any:
        if orders == 1:
            return {"order": order_json(shop, shop.orders[0])}
        return {"orders": [order_json(shop, order) for order in shop.orders]}

    expected = await by_hand()
    assert number_of_fields(expected) == fields
    assert await by_engine() == expected == await by_stock()

    scale = max(1, 50 // orders)
    taken = await _rounds(
        {
            "engine": (by_engine, 4 * scale),
            "stock": (by_stock, max(1, scale // 10)),
            "by hand": (by_hand, 8 * scale),
        }
    )
    # The least of many rounds is what the code costs; the rest is what else the machine did.
    least = {name: min(rounds) for name, rounds in taken.items()}
    stock_ratio = least["stock"] / least["engine"]
    hand_ratio = least["engine"] / least["by hand"]
    print(f"\n{'answer':>14} {'stock / engine':>15} {'engine / by hand':>17}")
    print(f"{fields:>7} fields {stock_ratio:>14.1f}x {hand_ratio:>16.2f}x")
    assert stock_ratio >= against_stock
    assert hand_ratio <= against_hand
