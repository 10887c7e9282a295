"""Search: any number or name a person arrives with."""

from __future__ import annotations

from typing import Annotated

import strawberry

from hub.model.errors import InputInvalid
from hub.reads.answers import Hit
from resolvers.context import Context
from resolvers.edges import told
from resolvers.fields import represents
from resolvers.lookup import argument, check_text
from resolvers.partial import Partial
from resolvers.sourced import Node

HITS_DEFAULT = 10  # hits


@represents(Hit)
@strawberry.type(description="Something a text was found in.")
class SearchHit:
    field: str = told("The canonical field it was found in.")
    value: str = told("What stands there.")
    rank: int = told("0: it is the whole value; 1: its start; 2: a part of it.")
    record: Node = told("What it was found in.", name="node")


async def search(
    ctx: Context,
    *,
    text: Annotated[str, argument("Order, RMA, tracking, PO or case number, or a name.")],
    first: Annotated[int, argument("Best hits, at most 50.")] = HITS_DEFAULT,
) -> list[Hit] | Partial:
    """Best hits first, each record once; one error for each system that failed."""
    check_text("text", text, ctx.limits.search_text_max)
    if not 1 <= first <= ctx.limits.search_hits_max:
        raise InputInvalid("first", first, expected=f"1 to {ctx.limits.search_hits_max}")
    result = await ctx.reads.search(text.strip(), first)
    hits = list(result.hits)
    if not result.failures:
        return hits
    return Partial(hits or None, result.failures)
