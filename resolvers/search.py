"""Search: any number or name a person arrives with."""

from __future__ import annotations

from typing import Annotated

import strawberry
from strawberry.utils.str_converters import to_camel_case

from hub.model.errors import InputInvalid
from hub.reads.answers import Hit, SearchResult
from resolvers.context import Context
from resolvers.edges import told
from resolvers.fields import computed, represents
from resolvers.lookup import argument, check_text
from resolvers.partial import Partial
from resolvers.sourced import Node

HITS_DEFAULT = 10  # hits


@represents(Hit)
@strawberry.type(description="Something a text was found in.")
class SearchHit:
    field: str = computed(
        lambda hit: to_camel_case(hit.field), description="The field it was found in."
    )
    value: str = told("What stands there.")
    rank: int = told("0: it is the whole value; 1: its start; 2: a part of it.")
    record: Node = told("What it was found in.", name="node")


@represents(SearchResult)
@strawberry.type(description="What a text was found in.")
class SearchAnswer:
    hits: list[SearchHit] = told("Best first, each thing once, as its leading record.")


async def search(
    ctx: Context,
    *,
    text: Annotated[str, argument("Order, RMA, tracking, PO or case number, or a name.")],
    first: Annotated[int, argument("Best hits, at most 50.")] = HITS_DEFAULT,
) -> SearchResult | Partial:
    """The best hits; one error for each system that failed, null where nothing was found then."""
    check_text("text", text, ctx.limits.search_text_max)
    if not 1 <= first <= ctx.limits.search_hits_max:
        raise InputInvalid("first", first, expected=f"1 to {ctx.limits.search_hits_max}")
    result = await ctx.reads.search(text.strip(), first)
    if not result.failures:
        return result
    return Partial(result if result.hits else None, result.failures)
