"""Health as data, who is asking, and the cross references an operator changes."""

from pathlib import Path

from hub.model.errors import SourceTimeout
from hub.security.principal import Role
from tests.support.stores import rows_of
from tests.unit.resolvers.shelf import AGENT, OPERATOR, Desk, codes, opened_desk, principal
from tests.unit.resolvers.world import erp, other_erp

LINK = """mutation($refs: [SourceRefInput!]!, $key: String!) {
    linkReferences(noun: "customer", refs: $refs, reason: "same tax number", idempotencyKey: $key) {
        sourceRefs { system externalId } } }"""
UNLINK = """mutation($ref: SourceRefInput!) {
    unlinkReference(noun: "customer", ref: $ref, reason: "wrong", idempotencyKey: "u1") {
        sourceRefs { system externalId } } }"""
ADA = {"system": "erp-eu", "externalId": "C1"}
ADA_US = {"system": "erp-us", "externalId": "77"}


async def test_the_systems_are_told_in_the_order_of_the_file(desk: Desk) -> None:
    data, errors = await desk.ask(
        "{ systems { name role kind state code nouns latencyP50Ms latencyP95Ms lastOkAgeS"
        " unmapped { field count } } }"
    )
    assert errors == []
    assert [each["name"] for each in data["systems"]] == ["erp-eu", "erp-us", "wms", "ups", "crm"]
    assert data["systems"][3] == {
        "name": "ups", "role": "CARRIER", "kind": "memory", "state": "UP", "code": None,
        "nouns": ["milestone"], "latencyP50Ms": 1.5, "latencyP95Ms": None, "lastOkAgeS": 2.0,
        "unmapped": [{"field": "x", "count": 3}],
    }  # fmt: skip


async def test_a_customer_is_not_told_about_systems(desk: Desk) -> None:
    ada = principal(Role.CUSTOMER, customers=[("erp-eu", "C1")])
    data, errors = await desk.ask(
        "{ me { subject roles } systems { name }"
        ' unmatchedReferences(noun: "customer") { system } }',
        who=ada,
    )
    assert data == {
        "me": {"subject": "sam", "roles": ["customer"]},
        "systems": None,
        "unmatchedReferences": None,
    }
    assert codes(errors) == [("FORBIDDEN", None)] * 2


async def test_an_operator_links_and_unlinks(desk: Desk) -> None:
    data, errors = await desk.ask(LINK, who=OPERATOR, refs=[ADA_US, ADA], key="k1")
    assert errors == []
    together = {"sourceRefs": [ADA, ADA_US]}
    assert data == {"linkReferences": together}
    found, _ = await desk.ask('{ customer(number: "100") { sourceRefs { system externalId } } }')
    assert found["customer"] == together
    data, errors = await desk.ask(UNLINK, who=OPERATOR, ref=ADA_US)
    assert errors == []
    assert data == {"unlinkReference": {"sourceRefs": [ADA_US]}}
    data, _ = await desk.ask('{ unmatchedReferences(noun: "customer") { system externalId } }')
    assert data["unmatchedReferences"] == [ADA, ADA_US]


async def test_the_same_key_has_one_effect(desk: Desk) -> None:
    for _ in range(2):
        data, errors = await desk.ask(LINK, who=OPERATOR, refs=[ADA, ADA_US], key="k1")
        assert errors == []
        assert data == {"linkReferences": {"sourceRefs": [ADA, ADA_US]}}
    store = desk.references._store
    (count,) = await rows_of(store, "SELECT count(*) FROM audit_entry")
    assert count == (1,)


async def test_others_may_not(desk: Desk) -> None:
    data, errors = await desk.ask(LINK, who=AGENT, refs=[ADA, ADA_US], key="k1")
    assert data == {"linkReferences": None}
    assert codes(errors) == [("FORBIDDEN", None)]
    assert await rows_of(desk.references._store, "SELECT * FROM audit_entry") == []


async def test_a_reference_no_system_has_is_not_linked(desk: Desk) -> None:
    nobody = {"system": "erp-eu", "externalId": "NOPE1"}
    data, errors = await desk.ask(LINK, who=OPERATOR, refs=[ADA_US, nobody], key="k1")
    assert data == {"linkReferences": None}
    assert codes(errors) == [("NOT_FOUND", None)]
    assert errors[0]["message"] == "no customer 'erp-eu:NOPE1' in any connected system"
    assert await rows_of(desk.references._store, "SELECT * FROM cross_reference") == []
    assert await rows_of(desk.references._store, "SELECT * FROM audit_entry") == []


async def test_nothing_is_linked_while_a_system_cannot_tell(tmp_path: Path) -> None:
    silent = other_erp()
    silent.broken["customer"] = SourceTimeout("erp-us", "no answer")
    async with opened_desk(tmp_path, erp(), silent) as desk:
        data, errors = await desk.ask(LINK, who=OPERATOR, refs=[ADA, ADA_US], key="k1")
        assert data == {"linkReferences": None}
        assert codes(errors) == [("SOURCE_TIMEOUT", "erp-us")]
        assert errors[0]["extensions"]["retryable"] is True
        assert await rows_of(desk.references._store, "SELECT * FROM cross_reference") == []
        silent.broken.clear()
        data, errors = await desk.ask(LINK, who=OPERATOR, refs=[ADA, ADA_US], key="k1")
    assert (data, errors) == ({"linkReferences": {"sourceRefs": [ADA, ADA_US]}}, [])


async def test_too_many_references_are_refused_before_they_are_read(desk: Desk) -> None:
    data, errors = await desk.ask(LINK, who=OPERATOR, refs=[ADA] * 51, key="k1")
    assert data == {"linkReferences": None}
    assert errors[0]["message"] == "refs: received '51 values'; expected at most 50"
    assert all(shelf.asked == [] for shelf in desk.shelves)


async def test_what_cannot_be_linked_is_refused(desk: Desk) -> None:
    nobody = {"system": "erp-xx", "externalId": "1"}
    for refs, says in (
        ([ADA], "refs: received '1'; expected 2 to 50 different references"),
        ([ADA, nobody], "refs.system: received 'erp-xx'; expected one of crm, erp-eu"),
    ):
        data, errors = await desk.ask(LINK, who=OPERATOR, refs=refs, key="k1")
        assert data == {"linkReferences": None}
        assert errors[0]["message"].startswith(says)
    assert await rows_of(desk.references._store, "SELECT * FROM audit_entry") == []
