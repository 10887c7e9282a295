"""Two customers and an agent at once over a warm cache: nobody is told what is another's.

Each answer is compared with what a hub that has read nothing before tells the same principal.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping

import orjson
import pytest

from hub.security.principal import Principal, Role
from tests.integration.scoped_hub import US_UNIT, Belongings, ScopedHub, principal

pytestmark = pytest.mark.asyncio(loop_scope="session")

REQUESTS = 2_000
AT_ONCE = 40  # requests in flight
SEED = 20_260_301

_ORDER = """query($v: ID!) { f: order(id: $v) {
  number status customer { name } lines { sku amount { amount } }
  shipments { number trackingNumber } invoices { number } creditMemos { number total { amount } }
  returns { number receipts { number } } cases { number messages { body visibility } }
  fulfillmentStatus returnStatus financialStatus
  timeline(first: 50) { totalCount nodes { title message visibility actor { name } } } } }"""
_NODES = """query($v: [ID!]!) { f: nodes(ids: $v) { __typename id
  ... on Order { number total { amount } } ... on Customer { name email taxNumber cases { number } }
  ... on Rma { number lines { sku } } ... on Case { subject messages { body } }
  ... on Shipment { number milestones { code } } ... on Invoice { number total { amount } }
  ... on CreditMemo { number total { amount } } ... on PriceRow { unitPrice { amount } } } }"""
_NUMBER = "query($v: String!) { order(number: $v) { id } rma(number: $v) { id } }"
_SEARCH = "query($v: String!) { f: search(text: $v) { hits { field value rank node { id } } } }"
_PRICE = """query($v: ID!) { f: price(customer: $v, sku: "BLT-04-492", quantity: "5") {
  isOwn unitPrice { amount } row { customer { name } } } }"""

Request = tuple[str, object]


def requests(whose: Belongings) -> list[Request]:
    """What may be asked about the belongings of one customer."""
    numbers = [whose.numbers[name] for name in ("order", "return", "tracking", "case")]
    return [
        (_ORDER, whose.ids["order"]),
        (_NODES, list(whose.ids.values())),
        (_PRICE, whose.ids["customer"]),
        *((_NUMBER, each) for each in numbers[:2]),
        *((_SEARCH, each) for each in numbers),
    ]


def principals(scoped: ScopedHub) -> Mapping[str, Principal]:
    return {
        "one": principal(Role.CUSTOMER, customer=scoped.eu.customer),
        "other": principal(Role.CUSTOMER, customer=scoped.eu_other.customer),
        "agent": principal(Role.AGENT, unit=US_UNIT),
    }


async def crossings(scoped: ScopedHub, warm: ScopedHub, *, count: int = REQUESTS) -> list[str]:
    """The requests that `warm` did not answer as a hub that has read nothing before."""
    asked = [each for whose in (scoped.eu, scoped.eu_other, scoped.us) for each in requests(whose)]
    who = principals(scoped)
    expected = {
        (name, place): orjson.dumps(await scoped.cold().ask(each, document, v=value))
        for name, each in who.items()
        for place, (document, value) in enumerate(asked)
    }
    draw = random.Random(SEED)
    print(f"seed {SEED}")
    order = [draw.choice(list(expected)) for _ in range(count)]
    free = asyncio.Semaphore(AT_ONCE)

    async def ask(name: str, place: int) -> bytes:
        document, value = asked[place]
        async with free:
            return orjson.dumps(await warm.ask(who[name], document, v=value))

    answers = await asyncio.gather(*(ask(*each) for each in order))
    return [
        f"{name} asked {asked[place]}: {answer!r} / {expected[name, place]!r}"
        for (name, place), answer in zip(order, answers, strict=True)
        if answer != expected[name, place]
    ]


async def test_no_answer_crosses(scoped: ScopedHub) -> None:
    assert await crossings(scoped, scoped.cold()) == []


async def test_the_requests_differ_by_who_asks(scoped: ScopedHub) -> None:
    """Otherwise a crossing could not be seen."""
    for document, value in requests(scoped.eu_other)[:4]:
        answers = {
            name: orjson.dumps((await scoped.ask(who, document, v=value))["data"])
            for name, who in principals(scoped).items()
        }
        assert answers["other"] != answers["one"], document
        assert answers["other"] != answers["agent"], document
