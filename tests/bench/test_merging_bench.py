"""Reads of many requests travel together: statements the systems see against those asked for.

32 agents open order after order, none the same, on a hub that has read nothing before. Counts in
one run, no times; a hub without merging would make every call of every request by itself.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import pytest

from hub.demo import supervisor
from hub.demo.supervisor import DemoSystems
from hub.model.ids import encode_id
from hub.model.values import Ref
from tests.support.composed_hub import ComposedHub, composed_hub

CLIENTS = 32
ORDERS_EACH = 6
FACTOR_MIN = 3.0  # 8 to 9 seen on two cores

DESK = """query ($id: ID!) { orders(ids: [$id]) {
  number status customer { name } lines { lineNumber ordered { value } item { description } }
  shipments { status lines { quantity { value } } milestones { code } }
  invoices { number lines { amount { amount } } } creditMemos { number }
  returns { number status lines { sku } receipts { number } inspections { verdict }
            dispositions { code } }
  cases { number messages { body } } } }"""


def _orders(demo: DemoSystems) -> Iterator[str]:
    """Ids of European orders, each once."""
    (file,) = [each.database for each in demo.systems if each.name == "erp-eu"]
    with sqlite3.connect(file) as erp:
        for (number,) in erp.execute("SELECT orno FROM ordhdr ORDER BY orno"):
            yield encode_id(Ref("order", "erp-eu", str(number)))


async def _client(hub: ComposedHub, ids: list[str]) -> Counter[str]:
    """Open one order after the other; the calls its requests caused or joined, by system."""
    asked: Counter[str] = Counter()
    for each in ids:
        answer = await hub.answer(DESK, {"id": each})
        assert [str(error) for error in answer.errors] == []
        assert answer.data["orders"][0]["lines"]
        asked += _by_system(answer.relations)
    return asked


def _by_system(calls: Mapping[str, int]) -> Counter[str]:
    summed: Counter[str] = Counter()
    for call, often in calls.items():
        summed[call.partition(" ")[0]] += often
    return summed


def _table(asked: Counter[str], seen: Counter[str]) -> str:
    """A line per system and one for all: calls asked for, calls seen, and how many per one."""
    lines = [f"{'system':12} {'asked for':>10} {'seen':>6} {'merged':>7}"]
    rows = [(system, asked[system], seen[system]) for system in sorted(asked)]
    rows.append(("all", asked.total(), seen.total()))
    lines += [f"{name:12} {a:>10} {s:>6} {a / s:>6.1f}x" for name, a, s in rows]
    return "\n".join(lines)


@pytest.mark.bench
@pytest.mark.timeout(120)
async def test_concurrent_requests_share_their_statements(tmp_path: Path) -> None:
    demo = await supervisor.start(tmp_path / "demo", pace_s=0, progress=print)
    try:
        async with composed_hub(demo, tmp_path / "store") as hub:
            await hub.seen()
            ids: Iterable[str] = _orders(demo)
            shares = [list(islice(ids, ORDERS_EACH)) for _ in range(CLIENTS)]
            told = await asyncio.gather(*(_client(hub, share) for share in shares))
            seen = _by_system(await hub.seen())
    finally:
        await supervisor.stop(demo)
    asked = sum(told, Counter())
    print(f"\n{CLIENTS} clients, {CLIENTS * ORDERS_EACH} orders, none twice")
    print(_table(asked, seen))
    assert len({each for share in shares for each in share}) == CLIENTS * ORDERS_EACH
    for system in asked:
        assert seen[system] < asked[system], system
    assert asked.total() / seen.total() > FACTOR_MIN
