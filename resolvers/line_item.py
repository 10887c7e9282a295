"""The item of an order line: by the line's own reference, else by its SKU."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hub.model.order import OrderLine
from hub.model.values import Ref
from hub.reads.relations import ITEMS_BY_SKU
from resolvers.context import Context
from resolvers.edges import one_of


async def item_by_line(lines: Sequence[OrderLine], ctx: Context) -> list[Any]:
    """The item of each line: what its reference names, else what its SKU names, else null."""
    referring = [line for line in lines if line.item is not None]
    selling = [line for line in lines if line.item is None and line.sku is not None]
    by_ref, by_sku = await asyncio.gather(
        ctx.reads.record_by_ref(
            [line.item for line in referring if line.item], section="item", parents=referring
        ),
        ctx.reads.related(ITEMS_BY_SKU, selling),
    )
    items: dict[Ref, Any] = {line.ref: item for line, item in zip(referring, by_ref, strict=True)}
    for line, section in zip(selling, by_sku, strict=True):
        items[line.ref] = one_of(section, line)
    return [items.get(line.ref) for line in lines]
