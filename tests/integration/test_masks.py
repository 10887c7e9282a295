"""What stays inside the house: every field is public or internal in `field_table`, and is so.

A customer asks for every field of every type of their own records, over the demo systems.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

from hub.model.case import ActorType, Message, Visibility
from hub.model.catalog import NOUNS
from hub.model.ids import encode_id
from hub.model.record import Record
from hub.model.values import Attribute, AttributeType, Ref
from hub.reads.search import SEARCHED
from hub.security.masks import INTERNAL_FIELDS, is_attribute_visible
from hub.security.principal import Principal, Role
from hub.security.scope import scope_of
from resolvers.edges import masked_by
from resolvers.fields import binding_of, representation_of
from resolvers.schema import build_schema
from tests.integration.field_table import HOUSE, INTERNAL, PUBLIC, ROOTS
from tests.integration.scoped_hub import HOUSE as AGENT
from tests.integration.scoped_hub import Belongings, ScopedHub, principal

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEPTH = 2  # types below a record
NODE_TYPES = {"Rma": "return", "CreditMemo": "credit_memo", "PriceRow": "price"}
SKU = "BRG-04-398"
ITEM = encode_id(Ref("item", "erp-eu", SKU))
NOTHING = {noun: encode_id(Ref(noun, "erp-eu", "none")) for noun in ("order", "invoice")}

CLOSED: Mapping[str, str] = {
    "systems": "{ systems { name } }",
    "unmatchedReferences": '{ unmatchedReferences(noun: "customer") { system } }',
    "auditEntries": "{ auditEntries { __typename } }",
    "refusals": "{ refusals { count } }",
    "deadLetters": "{ deadLetters { __typename } }",
    "deadLetter": '{ deadLetter(id: "1") { payload } }',
    "replayDeadLetters": """mutation { replayDeadLetters(ids: ["1"], reason: "r",
        idempotencyKey: "k") { userErrors { code } } }""",
    "dropDeadLetters": """mutation { dropDeadLetters(ids: ["1"], reason: "r",
        idempotencyKey: "k") { userErrors { code } } }""",
    "linkReferences": """mutation { linkReferences(noun: "order", reason: "r",
        idempotencyKey: "k", refs: [{ system: "erp-eu", externalId: "1" },
        { system: "erp-us", externalId: "2" }]) { sourceRefs { system } } }""",
    "unlinkReference": """mutation { unlinkReference(noun: "order", reason: "r",
        idempotencyKey: "k", ref: { system: "erp-eu", externalId: "1" }) {
        sourceRefs { system } } }""",
    "command": '{ command(id: "1") { payload } }',
    "commands": "{ commands { __typename } }",
    **{
        name: f'mutation {{ {name}({given}, idempotencyKey: "k", dryRun: true) '
        "{ userErrors { code } } }"
        for name, given in {
            "holdOrder": f'orderId: "{NOTHING["order"]}", reason: MANUAL',
            "releaseOrderHold": f'orderId: "{NOTHING["order"]}", reason: "r"',
            "cancelOrderLines": f'orderId: "{NOTHING["order"]}", reason: "r", lineNumbers: [1]',
            "addTimelineNote": f'orderId: "{NOTHING["order"]}", text: "t"',
            "issueCredit": f'invoiceId: "{NOTHING["invoice"]}", amount: "1", currency: "EUR", '
            'reason: "r"',
            "adjustInventory": f'itemId: "{ITEM}", location: "L", quantity: "1", reason: "r"',
        }.items()
    },
}
"""A document for each root field that not all may ask."""

CHOSEN_INSIDE = frozenset({"Subscription.caseUpdated"})
"""Fields that choose by an internal one, for the house: tried in `test_subscription_scope`."""


def _coordinates(table: Mapping[str, str]) -> set[str]:
    return {f"{type_}.{name}" for type_, names in table.items() for name in names.split()}


def fields_by_type(schema: GraphQLSchema) -> Iterator[tuple[str, str, Any]]:
    """Type, name and field of every object type; what an interface declares, once under it."""
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType) or type_.name.startswith("__"):
            continue
        if type_.name in HOUSE or type_.name in ("Query", "Mutation", "Subscription"):
            continue
        for name, field in type_.fields.items():
            shared = [each.name for each in type_.interfaces if name in each.fields]
            owner = next((each for each in shared if each != "Node"), type_.name)
            yield owner, name, field


class Asking:
    """Selections of all public, or all internal, fields of a type, as far down as they go."""

    def __init__(self, schema: GraphQLSchema, table: Mapping[str, str]) -> None:
        self._schema = schema
        self._table = table

    def selection(self, name: str, depth: int) -> str:
        type_ = self._schema.type_map[name]
        assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        parts = []
        for field in self._names(type_):
            below = get_named_type(type_.fields[field].type)
            if is_leaf_type(below):
                parts.append(field)
            elif depth > 0 and (inner := self.selection(below.name, depth - 1)):
                parts.append(f"{field} {{ {inner} }}")
        return " ".join(parts)

    def _names(self, type_: GraphQLObjectType | GraphQLInterfaceType) -> list[str]:
        owners = [type_.name, *(each.name for each in type_.interfaces)]
        # an amount or a quantity is a value of the field it stands under
        table = self._table if any(owner in self._table for owner in owners) else PUBLIC
        return [name for owner in owners for name in table.get(owner, "").split()]


async def _asked_of_all(
    scoped: ScopedHub, who: Principal, whose: Belongings, table: Mapping[str, str]
) -> list[tuple[str, dict[str, Any]]]:
    """The answer of one document for each type: all fields of the table, of the records of one."""
    asking = Asking(build_schema()._schema, table)
    types = [name for name in ("Order", "Customer", "Rma", "Case", "Shipment", "Invoice",
                               "CreditMemo", "PriceRow", "OrderLine", "Receipt", "Inspection",
                               "Disposition") if name in table]  # fmt: skip
    nouns = {name: _noun(name) for name in types}
    documents = [
        (name, f"query($v: ID!) {{ node(id: $v) {{ ... on {name} {{ "
               f"{asking.selection(name, DEPTH)} }} }} }}", whose.ids[nouns[name]])
        for name in types
    ]  # fmt: skip
    stock = asking.selection("Availability", DEPTH) if "Availability" in table else ""
    item, positions = asking.selection("Item", 1), asking.selection("InventoryPosition", 1)
    buckets = asking.selection("AvailabilityBuckets", 1)
    documents += [
        ("Item", f'query {{ item(id: "{ITEM}") {{ {item} p: positions {{ {positions} }} }} }}', ""),
        ("Availability", f'query {{ availability(skus: ["{SKU}"]) '
                         f"{{ {stock} b: buckets {{ {buckets} }} }} }}", ""),
    ]  # fmt: skip
    answers = await asyncio.gather(
        *(scoped.ask(who, document, **({"v": v} if v else {})) for _, document, v in documents)
    )
    return [(name, answer) for (name, _, _), answer in zip(documents, answers, strict=True)]


def _noun(type_: str) -> str:
    named = {"OrderLine": "order_line"} | NODE_TYPES
    return named.get(type_, type_.lower())


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Name and value of every leaf."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each, name)
    else:
        yield name, value


async def secrets(scoped: ScopedHub, whose: Belongings) -> set[str]:
    """Words of the house about a customer's records that are not also told in public."""
    told = await _asked_of_all(scoped, AGENT, whose, INTERNAL)
    words = {v for _, answer in told for _, v in _leaves(answer["data"]) if isinstance(v, str)}
    reads = scoped.context(AGENT).reads
    [case] = await reads.record_by_ref([whose.ref("case")])
    assert isinstance(case, Record)
    for message in getattr(case, "messages", None) or ():
        assert isinstance(message, Message)
        if message.visibility is Visibility.INTERNAL:
            words.add(message.body or "")
        if message.author_type is not ActorType.CUSTOMER:
            words.add(message.author or "")
    # names, groups and texts; an amount or a code may stand in a public field by chance
    return {word for word in words if len(word) > 4 and not word[0].isdigit()}


async def violations(scoped: ScopedHub, who: Principal, whose: Belongings) -> list[str]:
    """Internal fields told, public ones refused, and words of the house in any answer."""
    found = []
    for name, answer in await _asked_of_all(scoped, who, whose, INTERNAL):
        told = [(alias, v) for alias, v in _leaves(answer["data"]) if v is not None]
        found += [f"{name} tells {alias}" for alias, _ in told]
        codes = {each["extensions"]["code"] for each in answer["errors"]}
        if codes - {"FORBIDDEN", *(["NOT_FOUND"] if name == "PriceRow" else [])}:
            found.append(f"{name} answers {codes}")
    public = await _asked_of_all(scoped, who, whose, PUBLIC)
    for name, answer in public:
        codes = {each["extensions"]["code"] for each in answer["errors"]}
        if codes - {"FORBIDDEN", *(["NOT_FOUND"] if name == "PriceRow" else [])}:
            found.append(f"{name} answers {codes}")
        refused = [e for e in answer["errors"] if e["extensions"]["code"] == "FORBIDDEN"]
        found += [f"{name} refuses {each['path'][-1]}" for each in refused]
    found += [f"Order tells attribute {key}" for key in await attributes_told(scoped, who, whose)]
    everything = orjson.dumps(
        [answer for _, answer in public] + await _searched(scoped, who, whose)
    )
    found += [f"tells {word!r}" for word in sorted(await secrets(scoped, whose))
              if orjson.dumps(word)[1:-1] in everything]  # fmt: skip
    return found


async def attributes_told(scoped: ScopedHub, who: Principal, whose: Belongings) -> list[str]:
    """The company's own fields of an order, by key; the demo declares one, for agents."""
    document = "query($id: ID!) { order(id: $id) { attributes { key value } } }"
    answer = await scoped.ask(who, document, id=whose.ids["order"])
    return [each["key"] for each in answer["data"]["order"]["attributes"]]


async def open_roots(scoped: ScopedHub, who: Principal) -> list[str]:
    """The root fields of the house, of operators and of auditors that answer somebody outside."""
    found = []
    for name, document in CLOSED.items():
        answer = await scoped.ask(who, document)
        codes = [each["extensions"]["code"] for each in answer["errors"]]
        if codes != ["FORBIDDEN"] or (answer["data"] or {}).get(name) is not None:
            found.append(f"{name} answers {codes}")
    return found


async def _searched(scoped: ScopedHub, who: Principal, whose: Belongings) -> list[Any]:
    document = "query($v: String!) { search(text: $v) { hits { field value } } }"
    texts = [*whose.numbers.values(), *sorted(await secrets(scoped, whose))]
    return [(await scoped.ask(who, document, v=text[:50]))["data"]["search"]["hits"]
            for text in texts]  # fmt: skip


async def test_every_field_is_public_or_internal() -> None:
    schema = build_schema()._schema
    found = {f"{owner}.{name}" for owner, name, _ in fields_by_type(schema)}
    assert found == _coordinates(PUBLIC) | _coordinates(INTERNAL)
    assert not _coordinates(PUBLIC) & _coordinates(INTERNAL)
    types = (schema.query_type, schema.mutation_type, schema.subscription_type)
    roots = [each for each in types if each is not None]
    assert {name for each in roots for name in each.fields} == set(ROOTS)


async def test_internal_is_declared_in_one_way() -> None:
    """A masked field has a row in the masks, and a field of such a row is shown by a mask only."""
    masked = set()
    for owner, name, field in fields_by_type(build_schema()._schema):
        binding = binding_of(field)
        mask = None if binding is None else masked_by(binding.function)
        assert (mask is not None) == (f"{owner}.{name}" in _coordinates(INTERNAL)), name
        if mask is not None:
            assert mask[1] in INTERNAL_FIELDS[mask[0]]
            masked.add(mask)
    declared = {(noun, name) for noun, names in INTERNAL_FIELDS.items() for name in names}
    assert masked == declared
    assert not {noun for noun, _ in declared} - set(NOUNS)


async def test_a_field_read_from_the_record_is_no_internal_one() -> None:
    schema = build_schema()._schema
    for owner, name, field in fields_by_type(schema):
        if binding_of(field) is not None:
            continue
        type_ = schema.type_map[owner]
        representation = representation_of(type_)
        noun = getattr(representation.record, "NOUN", "") if representation else ""
        python_name = field.extensions["strawberry-definition"].python_name
        assert python_name not in INTERNAL_FIELDS.get(noun, frozenset()), f"{owner}.{name}"


@pytest.mark.parametrize("of", ["eu", "us"])
async def test_a_customer_reads_what_is_public_and_nothing_else(scoped: ScopedHub, of: str) -> None:
    whose: Belongings = getattr(scoped, of)
    assert len(await secrets(scoped, whose)) >= 3
    who = principal(Role.CUSTOMER, customer=whose.customer)
    assert await violations(scoped, who, whose) == []
    also = principal(Role.CUSTOMER, customer=whose.customer, also=Role.FINANCE)
    assert await violations(scoped, also, whose) == []


async def test_the_house_reads_what_is_internal(scoped: ScopedHub) -> None:
    silent = []
    for name, answer in await _asked_of_all(scoped, AGENT, scoped.eu, INTERNAL):
        assert answer["errors"] == [], name
        if not any(value is not None for _, value in _leaves(answer["data"])):
            silent.append(name)
    assert silent == ["CreditMemo"]  # the demo asks for none by a reference


async def test_nothing_is_chosen_or_found_by_an_internal_field(scoped: ScopedHub) -> None:
    """No argument names one that may be asked from outside; the search looks into none, a
    timeline's filters see the masked."""
    internal = {name for names in INTERNAL_FIELDS.values() for name in names}
    assert not {(noun, name) for noun, name in SEARCHED if name in INTERNAL_FIELDS.get(noun, ())}
    for type_ in build_schema()._schema.type_map.values():
        if isinstance(type_, GraphQLObjectType):
            for name, field in type_.fields.items():
                chosen = {argument.lower() for argument in field.args} & internal
                assert not chosen or f"{type_.name}.{name}" in CHOSEN_INSIDE
    document = """query($id: ID!, $text: String!) {
      order(id: $id) { timeline(text: $text, visibility: [INTERNAL, PARTNER, CUSTOMER]) {
        totalCount nodes { visibility } } } }"""
    who = principal(Role.CUSTOMER, customer=scoped.eu.customer)
    for text in await secrets(scoped, scoped.eu):
        answer = await scoped.ask(who, document, id=scoped.eu.ids["order"], text=text[:50])
        assert answer["data"]["order"]["timeline"] == {"totalCount": 0, "nodes": []}, text


async def test_a_customers_timeline_is_of_what_customers_may_read(scoped: ScopedHub) -> None:
    document = """query($id: ID!) { order(id: $id) { timeline(first: 100) {
      totalCount nodes { visibility actor { name type } collapsed { visibility actor { name } } }
    } } }"""
    who = principal(Role.CUSTOMER, customer=scoped.eu.customer)
    mine, whole = [
        (await scoped.ask(each, document, id=scoped.eu.ids["order"]))["data"]["order"]["timeline"]
        for each in (who, AGENT)
    ]
    assert 0 < mine["totalCount"] < whole["totalCount"]
    assert {each["visibility"] for each in mine["nodes"]} == {"CUSTOMER"}
    named = [each["actor"] for each in mine["nodes"] if each["actor"]["name"] is not None]
    assert {each["type"] for each in named} <= {"CUSTOMER"}
    scans = [scan for each in mine["nodes"] for scan in each["collapsed"]]
    assert {each["visibility"] for each in scans} <= {"CUSTOMER"}


@pytest.mark.parametrize("role", list(Role))
async def test_attributes_are_seen_by_the_roles_they_name(role: Role) -> None:
    for named in (frozenset[str](), frozenset({"agent"}), frozenset({"customer", "agent"})):
        attribute = Attribute("a", AttributeType.STRING, "x", "erp-eu", named)
        seen = is_attribute_visible(attribute, scope_of(principal(role, customer="erp-eu:1")))
        is_outside = role in (Role.CUSTOMER, Role.INTEGRATION)
        assert seen == (role.value in named if named else not is_outside)
        both = scope_of(principal(Role.CUSTOMER, customer="erp-eu:1", also=role))
        assert is_attribute_visible(attribute, both) == ("customer" in named)


async def test_the_demos_attributes_are_hidden_from_customers(scoped: ScopedHub) -> None:
    who = principal(Role.CUSTOMER, customer=scoped.eu.customer)
    askers = (who, AGENT, principal(Role.FINANCE))
    seen = [await attributes_told(scoped, asker, scoped.eu) for asker in askers]
    assert seen == [[], ["ship_window"], []]


async def test_what_is_not_for_all_is_refused_outside(scoped: ScopedHub) -> None:
    closed = {name for name, for_whom in ROOTS.items() if for_whom != "all"}
    # a stream is opened, not answered: tried in `tests/e2e/test_commands`
    assert set(CLOSED) == closed - {"commandStatusChanged"}
    customer = scoped.eu.customer
    for who in (
        principal(Role.CUSTOMER, customer=customer),
        principal(Role.CUSTOMER, customer=customer, also=Role.OPERATOR),
        principal(Role.CUSTOMER, customer=customer, also=Role.AUDITOR),
        principal(Role.INTEGRATION),
    ):
        assert await open_roots(scoped, who) == []
    inside = await open_roots(scoped, AGENT)
    assert [each.partition(" ")[0] for each in inside] == [
        "systems", "unmatchedReferences", "command", "commands", "holdOrder", "releaseOrderHold",
        "cancelOrderLines", "addTimelineNote",
    ]  # fmt: skip
