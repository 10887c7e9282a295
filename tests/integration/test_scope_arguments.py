"""Every argument of the schema that names something: a foreign name is answered like a missing one.

The arguments are found in the schema. Each has a row here; one without a row fails the test.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, get_named_type
from graphql import is_input_object_type as is_input

from hub.model.catalog import NOUNS
from hub.model.ids import decode_id
from hub.security.principal import Principal, Role
from resolvers.schema import build_schema
from tests.integration.command_documents import OPEN_IN_COMMANDS, PROBED_COMMANDS
from tests.integration.scoped_hub import (
    EU_UNIT,
    HOUSE,
    NOUNS_OWNED,
    US_UNIT,
    Belongings,
    ScopedHub,
    missing_id,
    missing_text,
    principal,
    told_apart,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROUNDS = 15  # of a forbidden and a missing name in turn, for the medians
APART_MAX_S = 0.005


PRICED = "priced"


@dataclass(frozen=True, slots=True)
class Probe:
    """A document with the one variable `$v`, and what of the foreign belongings it is given.

    `of` names an id (`order`), a number (`number:order`) or a source reference (`ref:order`);
    PRICED is the customer a price was agreed with, and `$sku` what it is the price of.
    `own` is a further variable `$own`, the id of the asker's own record of that noun.
    """

    document: str
    of: str
    own: str | None = None


def _by_id(field: str, noun: str) -> Probe:
    return Probe(f"query($v: ID) {{ f: {field}(id: $v) {{ id }} }}", noun)


def _by_number(field: str, noun: str) -> Probe:
    return Probe(
        f"query($v: String) {{ f: {field}(number: $v) {{ id number }} }}", f"number:{noun}"
    )


def _by_source_ref(field: str, noun: str) -> Probe:
    document = f"query($v: SourceRefInput) {{ f: {field}(sourceRef: $v) {{ id }} }}"
    return Probe(document, f"ref:{noun}")


_NODE = (
    "query($v: ID!) { f: node(id: $v) { id __typename ... on Sourced { sourceRefs { system } } } }"
)
_NODES = "query($v: ID!, $own: ID!) { f: nodes(ids: [$own, $v]) { id } }"
_SEARCH = (
    "query($v: String!) { f: search(text: $v, first: 50) { hits { field value node { id } } } }"
)
_PRICE = """query($v: ID!, $sku: String!) {
  f: price(customer: $v, sku: $sku, quantity: "1") { isOwn unitPrice { amount } } }"""
_LINK = """mutation($v: SourceRefInput!, $own: SourceRefInput!) {
  f: linkReferences(noun: "order", refs: [$v, $own], reason: "r", idempotencyKey: "k1") {
    sourceRefs { externalId } } }"""
_UNLINK = """mutation($v: SourceRefInput!) {
  f: unlinkReference(noun: "order", ref: $v, reason: "r", idempotencyKey: "k2") {
    sourceRefs { externalId } } }"""
_TIMELINE = "f: timeline({}) {{ totalCount nodes {{ id title }} }}"


def _timeline(argument: str, type_: str, of: str) -> Probe:
    field = _TIMELINE.format(argument)
    document = f"query($v: {type_}, $own: ID!) {{ order(id: $own) {{ {field} }} }}"
    return Probe(document, of, own="order")


PROBES: Mapping[str, tuple[Probe, ...]] = {
    "Query.order(id)": (_by_id("order", "order"),),
    "Query.order(number)": (_by_number("order", "order"),),
    "Query.order(sourceRef)": (_by_source_ref("order", "order"),),
    "Query.orders(ids)": (
        Probe("query($v: ID!, $own: ID!) { f: orders(ids: [$own, $v]) { id } }", "order", "order"),
    ),
    "Query.customer(id)": (_by_id("customer", "customer"),),
    "Query.customer(number)": (_by_number("customer", "customer"),),
    "Query.customer(sourceRef)": (_by_source_ref("customer", "customer"),),
    "Query.rma(id)": (_by_id("rma", "return"),),
    "Query.rma(number)": (_by_number("rma", "return"),),
    "Query.rma(sourceRef)": (_by_source_ref("rma", "return"),),
    "Query.case(id)": (_by_id("case", "case"),),
    "Query.case(number)": (_by_number("case", "case"),),
    "Query.case(sourceRef)": (_by_source_ref("case", "case"),),
    "Query.shipment(id)": (_by_id("shipment", "shipment"),),
    "Query.shipment(sourceRef)": (_by_source_ref("shipment", "shipment"),),
    "Query.shipment(trackingNumber)": (
        Probe(
            "query($v: String) { f: shipment(carrier: \"UPS\", trackingNumber: $v) { id } }",
            "number:tracking",
        ),
    ),
    "Query.price(customer)": (
        Probe(_PRICE, PRICED),
    ),
    "Query.node(id)": tuple(Probe(_NODE, noun) for noun in sorted(NOUNS_OWNED)),
    "Query.nodes(ids)": tuple(Probe(_NODES, noun, own="order") for noun in sorted(NOUNS_OWNED)),
    "Query.search(text)": tuple(
        Probe(_SEARCH, f"number:{name}")
        for name in ("order", "return", "tracking", "po", "case", "shipment", "invoice",
                     "credit_memo", "customer")
    ),
    "Order.timeline(subject)": tuple(
        _timeline("subject: $v", "ID", noun) for noun in ("order", "return", "case", "shipment")
    ),
    "Order.timeline(correlationId)": (_timeline("correlationId: $v", "String", "number:order"),),
    "Order.timeline(text)": (_timeline("text: $v", "String", "number:return"),),
    "Mutation.linkReferences(refs)": (Probe(_LINK, "ref:order", own="ref:order"),),
    "Mutation.unlinkReference(ref)": (Probe(_UNLINK, "ref:order"),),
    **{name: (Probe(document, of),) for name, (document, of) in PROBED_COMMANDS.items()},
}  # fmt: skip

OPEN: Mapping[str, str] = {
    "Query.item(id)": "items are everyone's",
    "Query.item(sku)": "items are everyone's",
    "Query.item(sourceRef)": "items are everyone's",
    "Query.availability(skus)": "stock is everyone's",
    "Query.availability(locations)": "stock is everyone's",
    "Query.price(sku)": "the price is the named customer's",
    "Query.price(quantity)": "a number of pieces",
    "Query.shipment(carrier)": "with trackingNumber, which is probed",
    "Query.unmatchedReferences(noun)": "a kind; its rows are scoped, see below",
    "Mutation.linkReferences(noun)": "a kind",
    "Mutation.unlinkReference(noun)": "a kind",
    "Mutation.linkReferences(reason)": "words of the caller",
    "Mutation.unlinkReference(reason)": "words of the caller",
    "Mutation.linkReferences(idempotencyKey)": "the caller's own, kept by caller",
    "Mutation.unlinkReference(idempotencyKey)": "the caller's own, kept by caller",
    "Query.search(first)": "a size",
    "Query.unmatchedReferences(first)": "a size",
    "Order.timeline(first)": "a size",
    "Order.timeline(last)": "a size",
    "Order.timeline(after)": "a place on a page of the order's own entries",
    "Order.timeline(before)": "a place on a page of the order's own entries",
    "Order.timeline(categories)": "chooses among visible entries",
    "Order.timeline(types)": "chooses among visible entries",
    "Order.timeline(minSeverity)": "chooses among visible entries",
    "Order.timeline(systems)": "chooses among visible entries",
    "Order.timeline(actorTypes)": "chooses among visible entries",
    "Order.timeline(visibility)": "chooses among visible entries",
    "Order.timeline(since)": "chooses among visible entries",
    "Order.timeline(until)": "chooses among visible entries",
    "Order.timeline(onlyStateChanges)": "chooses among visible entries",
    "*.attributes(keys)": "chooses among visible attributes",
    **OPEN_IN_COMMANDS,
}
"""Arguments that name nothing of a customer's, and why."""


CLOSED: Mapping[str, str] = {
    "Query.auditEntries": "first after actor action since until correlationId",
    "Query.refusals": "first principal code since until",
    "Query.deadLetters": "first after state system",
    "Query.deadLetter": "id",
    "Mutation.replayDeadLetters": "ids reason idempotencyKey",
    "Mutation.dropDeadLetters": "ids reason idempotencyKey",
}
"""Arguments of root fields that only auditors, or operators of all units, may ask at all."""

REQUIRED: Mapping[str, str] = {
    "Query.deadLetter": '(id: "1")',
    "Mutation.replayDeadLetters": '(ids: ["1"], reason: "r", idempotencyKey: "k")',
    "Mutation.dropDeadLetters": '(ids: ["1"], reason: "r", idempotencyKey: "k")',
}


STREAMS: Mapping[str, str] = {
    "orderTimeline": "orderId categories minSeverity after snapshot",
    "orderStatusChanged": "orderIds filter after snapshot",
    "returnStatusChanged": "rmaId rmaNumber after snapshot",
    "shipmentMilestones": "shipmentId orderId after snapshot",
    "caseUpdated": "orderId queue assignee after snapshot",
    "commandStatusChanged": "commandId after snapshot",
}
"""Arguments of streams, which are opened and not answered: tried in `test_subscription_scope`."""

NOT_OF_A_CUSTOMER = frozenset({"item", "adjustInventory", "command"})
"""Roots whose ids are of items, which are everyone's, or of the caller's own commands."""


def arguments_of(schema: GraphQLSchema) -> Iterator[str]:
    """Every argument, as `Type.field(argument)`; `attributes` is the same field of every noun."""
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            continue
        if type_.name.startswith("__"):
            continue
        for name, field in type_.fields.items():
            owner = "*" if name == "attributes" else type_.name
            yield from (f"{owner}.{name}({argument})" for argument in field.args)


def _value(probe_of: str, whose: Belongings, *, is_missing: bool) -> Any:
    kind, _, name = probe_of.rpartition(":")
    if name == PRICED:
        customer = whose.priced.customer
        return missing_id(customer) if is_missing else customer
    if kind == "number":
        number = whose.numbers[name]
        return missing_text(number) if is_missing else number
    if kind == "ref":
        ref = whose.ref(name)
        key = missing_text(ref.key) if is_missing else ref.key
        return {"system": ref.system, "externalId": key}
    return missing_id(whose.ids[name]) if is_missing else whose.ids[name]


def _variables(
    probe: Probe, mine: Belongings, theirs: Belongings, *, is_missing: bool
) -> dict[str, Any]:
    variables = {"v": _value(probe.of, theirs, is_missing=is_missing)}
    if probe.own is not None:
        variables["own"] = _value(probe.own, mine, is_missing=False)
    if probe.of == PRICED:
        variables["sku"] = theirs.priced.sku
    return variables


Asker = tuple[Principal, Belongings, Belongings]


def askers(scoped: ScopedHub) -> Mapping[str, Asker]:
    """Who asks, what is theirs, and what is not."""
    eu, other, us = scoped.eu, scoped.eu_other, scoped.us
    return {
        "customer, same ERP": (principal(Role.CUSTOMER, customer=eu.customer), eu, other),
        "customer, other ERP": (principal(Role.CUSTOMER, customer=us.customer), us, eu),
        "customer who says to be more": (
            principal(Role.CUSTOMER, customer=eu.customer, also=Role.OPERATOR), eu, other
        ),
        "agent of the European unit": (principal(Role.AGENT, unit=EU_UNIT), eu, us),
        "operator of the American unit": (principal(Role.OPERATOR, unit=US_UNIT), us, eu),
        "finance of the American unit": (principal(Role.FINANCE, unit=US_UNIT), us, eu),
        "partner": (principal(Role.INTEGRATION), us, eu),
    }  # fmt: skip


async def violations(scoped: ScopedHub, asker: Asker) -> list[str]:
    """The probes whose foreign name is answered otherwise than the missing one of its form."""
    who, mine, theirs = asker
    found = []
    for coordinate, probes in PROBES.items():
        for probe in probes:
            foreign, missing = [
                told_apart(await scoped.ask(who, probe.document, **variables), variables["v"])
                for gone in (False, True)
                for variables in (_variables(probe, mine, theirs, is_missing=gone),)
            ]
            if foreign != missing:
                found.append(f"{coordinate} {probe.of}: {foreign!r} / {missing!r}")
    return found


async def test_every_argument_has_a_row() -> None:
    schema = build_schema()._schema
    closed = {f"{root}({name})" for root, names in CLOSED.items() for name in names.split()}
    streams = {
        f"Subscription.{root}({name})" for root, names in STREAMS.items() for name in names.split()
    }
    assert set(arguments_of(schema)) == set(PROBES) | set(OPEN) | closed | streams
    assert not set(PROBES) & set(OPEN)
    assert {name for name, type_ in schema.type_map.items() if is_input(type_)} == {
        "SourceRefInput",
        "OrderStatusFilter",
        "CommandFilter",
    }
    for type_ in (schema.query_type, schema.mutation_type):
        assert type_ is not None
        for name, field in type_.fields.items():
            for argument, of in field.args.items():
                if get_named_type(of.type).name in ("ID", "SourceRefInput"):
                    coordinate = f"{type_.name}.{name}({argument})"
                    assert coordinate in PROBES or coordinate in closed or name in NOT_OF_A_CUSTOMER


@pytest.mark.parametrize("name", ["customer, same ERP", "customer, other ERP",
                                  "customer who says to be more", "agent of the European unit",
                                  "operator of the American unit",
                                  "finance of the American unit", "partner"])  # fmt: skip
async def test_a_foreign_name_is_a_missing_name(scoped: ScopedHub, name: str) -> None:
    assert await violations(scoped, askers(scoped)[name]) == []


async def test_what_is_for_auditors_or_operators_is_closed_to_others(
    scoped: ScopedHub,
) -> None:
    for who, _, _ in askers(scoped).values():
        for root in CLOSED:
            kind, _, field = root.partition(".")
            asked = f"{field}{REQUIRED.get(root, '')}"
            answer = await scoped.ask(who, f"{kind.lower()} {{ f: {asked} {{ __typename }} }}")
            assert answer["data"] == {"f": None}
            assert [each["extensions"]["code"] for each in answer["errors"]] == ["FORBIDDEN"]


async def test_the_names_probed_are_names_of_something(scoped: ScopedHub) -> None:
    """Whoever may see all gets an answer to each probe, and the owner to most of them."""
    for whose in (scoped.eu, scoped.eu_other, scoped.us):
        assert set(whose.ids) == NOUNS_OWNED
        for noun, id_ in whose.ids.items():
            for who in (HOUSE, principal(Role.CUSTOMER, customer=whose.customer)):
                answer = await scoped.ask(who, _NODE, v=id_)
                is_own = who is HOUSE or noun != "price" or whose is scoped.us
                is_told = whose.can_be_asked_for(noun, scoped.hub)
                found = answer["data"]["f"] is not None
                assert found == (is_told and is_own), (noun, whose.customer)
            gone = await scoped.ask(HOUSE, _NODE, v=missing_id(id_))
            assert [each["extensions"]["code"] for each in gone["errors"]] == ["NOT_FOUND"]
        assert {decode_id(id_).noun for id_ in whose.ids.values()} <= set(NOUNS)
        for probe in PROBES["Query.search(text)"]:
            value = _value(probe.of, whose, is_missing=False)
            hits = (await scoped.ask(HOUSE, _SEARCH, v=value))["data"]["f"]["hits"]
            assert hits, probe.of


async def test_the_prices_probed_are_their_customers_own(scoped: ScopedHub) -> None:
    """Such a customer's price is not the list's, so that it can be told from a missing one's."""
    for _, mine, theirs in askers(scoped).values():
        found, gone = [
            await scoped.ask(HOUSE, _PRICE, v=id_, sku=theirs.priced.sku)
            for id_ in (theirs.priced.customer, missing_id(theirs.priced.customer))
        ]
        assert found["data"]["f"]["isOwn"] is True
        assert gone["data"]["f"] != found["data"]["f"]
        references = scoped.hub.connected.reads.references
        assert decode_id(theirs.priced.customer) not in references.same_as(mine.ref("customer"))


async def test_an_ambiguous_number_has_only_candidates_the_asker_may_see(scoped: ScopedHub) -> None:
    document = 'query { f: order(number: "100123") { id businessUnit } }'
    whole = await scoped.ask(HOUSE, document)
    candidates = whole["errors"][0]["extensions"]["candidates"]
    assert [each["system"] for each in candidates] == ["erp-eu", "erp-us"]
    for unit in (EU_UNIT, US_UNIT):
        theirs = await scoped.ask(principal(Role.AGENT, unit=unit), document)
        assert theirs["errors"] == []
        assert theirs["data"]["f"]["businessUnit"] == unit


async def test_unmatched_references_are_of_the_own_unit(scoped: ScopedHub) -> None:
    document = 'query { f: unmatchedReferences(noun: "customer", first: 100) { system } }'
    whole = (await scoped.ask(HOUSE, document))["data"]["f"]
    european = (await scoped.ask(principal(Role.AGENT, unit=EU_UNIT), document))["data"]["f"]
    assert {each["system"] for each in whole} > {each["system"] for each in european} == {"erp-eu"}
    american = (await scoped.ask(principal(Role.AGENT, unit=US_UNIT), document))["data"]["f"]
    assert {each["system"] for each in american} == {"erp-us"}


async def test_a_forbidden_name_takes_as_long_as_a_missing_one(scoped: ScopedHub) -> None:
    """Medians of turns over a warm hub: every turn asks both, so that both meet the same load."""
    for who, _, theirs in list(askers(scoped).values())[:4]:
        for noun in ("order", "shipment", "message", "inspection"):
            took: dict[bool, list[float]] = {False: [], True: []}
            for _ in range(ROUNDS):
                for is_missing in (False, True):
                    id_ = missing_id(theirs.ids[noun]) if is_missing else theirs.ids[noun]
                    begun = perf_counter()
                    await scoped.ask(who, _NODE, v=id_)
                    took[is_missing].append(perf_counter() - begun)
            apart_s = statistics.median(took[False]) - statistics.median(took[True])
            assert abs(apart_s) < APART_MAX_S, (noun, who.subject, apart_s)
