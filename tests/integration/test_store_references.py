"""Cross references on real databases: imported, found by rules, linked and unlinked by people."""

import asyncio
import json
from pathlib import Path

import pytest

from hub.model.customer import Customer
from hub.model.errors import ConfigInvalid, InputInvalid
from hub.model.values import Ref
from hub.store.audit import verify_chains
from hub.store.cross_references import CrossReferences, Imported
from hub.store.engine import Store
from hub.store.migrate import open_store
from hub.store.reference_acts import Act
from hub.store.reference_table import ReferenceTable
from tests.support.stores import NOON, rows_of

ROLES = {"crm": "crm", "erp-eu": "erp", "erp-us": "erp", "wms-north": "wms"}
ANNA = Act("anna", "same tax number on paper")


def of(system: str, key: str) -> Ref:
    return Ref("customer", system, key)


A, B, C, D = of("crm", "A-1"), of("erp-eu", "1001"), of("erp-us", "77"), of("crm", "A-2")


def references_in(store: Store) -> CrossReferences:
    return CrossReferences(store, roles=ROLES, now=lambda: NOON)


def customer(ref: Ref, **fields: str) -> Customer:
    return Customer(ref=ref, as_of=NOON, fetched_at=NOON, **fields)  # type: ignore[arg-type]


def table(path: Path, text: str) -> ReferenceTable:
    path.write_text(text, encoding="utf-8")
    return ReferenceTable("customer", path, {"erp-eu.customer": "kunnr", "crm.account": "account"})


async def audit_rows(store: Store) -> list[tuple[str, str, str]]:
    found = await rows_of(
        store, "SELECT actor, action, reason FROM audit_entry ORDER BY chain, position"
    )
    return [tuple(row) for row in found]


async def test_an_unknown_ref_is_only_itself(store: Store) -> None:
    references = references_in(store)
    assert references.same_as(A) == (A,)
    assert await references.refresh() is True
    assert await references.refresh() is False
    assert references.same_as(A) == (A,)


async def test_linking_puts_the_erp_first_and_merging_keeps_all(store: Store) -> None:
    references = references_in(store)
    assert await references.link([A, B], act=ANNA) == (B, A)
    assert await references.link([C, D], act=ANNA) == (C, D)
    assert await references.link([A, D], act=ANNA) == (B, C, A, D)
    for ref in (A, B, C, D):
        assert references.same_as(ref) == (B, C, A, D)
    assert await references.unmatched() == []
    assert await audit_rows(store) == [("anna", "cross_reference.link", ANNA.reason)] * 3
    assert await verify_chains(store) == []


async def test_linking_what_is_linked_writes_nothing(store: Store) -> None:
    references = references_in(store)
    await references.link([A, B], act=ANNA)
    assert await references.link([B, A], act=Act("ben", "again")) == (B, A)
    assert len(await audit_rows(store)) == 1


async def test_a_key_answers_as_it_did_and_refuses_other_input(store: Store) -> None:
    references = references_in(store)
    once = Act("anna", "one", key="k-1")
    assert await references.link([A, B], act=once) == (B, A)
    await references.link([A, C], act=ANNA)
    assert await references.link([A, B], act=once) == (B, A)
    with pytest.raises(InputInvalid, match="it came with other input"):
        await references.link([A, D], act=once)
    assert references.same_as(D) == (D,)
    assert await references.link([B, C], act=Act("ben", "his own", key="k-1")) == (B, C, A)
    assert len(await audit_rows(store)) == 3


async def test_thirty_sends_of_one_key_have_one_effect(url: str, store: Store) -> None:
    second = await open_store(url, process="two")
    once = Act("anna", "one", key="k-1")
    try:
        both = [references_in(store), references_in(second)]
        answers = await asyncio.gather(
            *(both[turn % 2].link([A, B], act=once) for turn in range(30))
        )
    finally:
        await second.close()
    assert answers == [(B, A)] * 30
    assert len(await audit_rows(store)) == 1


async def test_unlinking_takes_one_out_and_nothing_puts_it_back(
    store: Store, tmp_path: Path
) -> None:
    references = references_in(store)
    imported = table(tmp_path / "customers.csv", "kunnr,account\n1001,A-1\n1001,A-2\n")
    await references.import_table(imported)
    assert references.same_as(A) == (B, A, D)
    assert await references.unlink(B, act=ANNA) is True
    assert references.same_as(A) == (A, D)
    assert references.same_as(B) == (B,)
    assert await references.unmatched() == [B]
    assert await references.import_table(imported) == Imported(3, 0, (B,))
    assert references.same_as(B) == (B,)
    assert await references.unlink(B, act=ANNA) is False
    assert await references.link([B, A], act=ANNA) == (B, A, D)
    assert await references.import_table(imported) == Imported(3, 0, ())
    assert await references.unmatched() == []


async def test_an_import_links_rows_and_lists_what_has_no_counterpart(
    store: Store, tmp_path: Path
) -> None:
    references = references_in(store)
    imported = table(
        tmp_path / "customers.csv", "\ufeffname,kunnr,account\nx, 1001 ,A-1\ny,,A-2\n,,\nz,1003,\n"
    )
    assert await references.import_table(imported) == Imported(4, 4, ())
    assert references.same_as(A) == (B, A)
    assert await references.unmatched("customer") == [D, of("erp-eu", "1003")]
    assert await references.unmatched("item") == []
    assert await references.unmatched(limit=1) == [D]
    assert await references.import_table(imported) == Imported(4, 0, ())
    actors = [(actor, action) for actor, action, _ in await audit_rows(store)]
    assert actors == [("file:customers.csv", "cross_reference.import")]


async def test_a_large_import_is_quick_and_whole(store: Store, tmp_path: Path) -> None:
    references = references_in(store)
    rows = "".join(f"{n},A-{n}\n" for n in range(5_000))
    imported = table(tmp_path / "customers.csv", f"kunnr,account\n{rows}")
    assert await references.import_table(imported) == Imported(10_000, 10_000, ())
    assert references.same_as(of("crm", "A-4999")) == (of("erp-eu", "4999"), of("crm", "A-4999"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kunde,account\n1,2\n", "no column 'kunnr' for erp-eu.customer"),
        ("kunr,account\n1,2\n", "did you mean 'kunr'"),
        ("", "the file has no header"),
        ('kunnr,account\n"1,2\n', "cannot be read as CSV"),
        (f"kunnr,account\n{'9' * 401},A\n", "customers.csv:2: the key for erp-eu must be"),
    ],
)
async def test_a_bad_file_is_named_and_changes_nothing(
    store: Store, tmp_path: Path, text: str, message: str
) -> None:
    references = references_in(store)
    with pytest.raises(ConfigInvalid) as refused:
        await references.import_table(table(tmp_path / "customers.csv", text))
    assert message in str(refused.value)
    assert await rows_of(store, "SELECT count(*) FROM cross_reference") == [(0,)]


async def test_a_file_that_is_not_there_is_named(store: Store, tmp_path: Path) -> None:
    missing = ReferenceTable("customer", tmp_path / "none.csv", {"crm.account": "a"})
    with pytest.raises(ConfigInvalid, match=r"none\.csv: cannot be read"):
        await references_in(store).import_table(missing)


async def test_rules_link_what_agrees_and_list_what_is_ambiguous(store: Store) -> None:
    references = references_in(store)
    twice = of("crm", "A-3")
    records = [
        customer(A, tax_number="DE 123.456", name="Müller  GmbH"),
        customer(B, tax_number="de123456", name="MÜLLER GmbH "),
        customer(C, tax_number="", name="Müller GmbH"),
        customer(D, tax_number="FR-9", name="Doublon"),
        customer(twice, tax_number="FR9", name="doublon"),
    ]
    found = await references.match("customer", ["tax_number", "name"], records)
    assert found == Imported(5, 5, (), ambiguous=((D, twice),))
    assert references.same_as(A) == (B, A)
    assert await references.unmatched() == [D, twice, C]


async def test_another_process_sees_a_change_when_it_looks(url: str, store: Store) -> None:
    second = await open_store(url, process="two")
    try:
        there = references_in(second)
        await there.refresh()
        following = asyncio.create_task(there.follow(every_s=0.02))
        await references_in(store).link([A, B], act=ANNA)
        async with asyncio.timeout(5):
            while there.same_as(A) != (B, A):  # noqa: ASYNC110 - the snapshot tells nobody
                await asyncio.sleep(0.01)
        following.cancel()
    finally:
        await second.close()


@pytest.mark.parametrize(
    ("refs", "expected"),
    [
        ([A], "2 to 50 different references"),
        ([A, A], "2 to 50 different references"),
        ([of("crm", str(n)) for n in range(51)], "2 to 50 different references"),
        ([A, Ref("item", "crm", "1")], "references of one noun"),
    ],
)
async def test_links_that_make_no_sense_are_refused(
    store: Store, refs: list[Ref], expected: str
) -> None:
    with pytest.raises(InputInvalid, match=expected):
        await references_in(store).link(refs, act=ANNA)
    assert await audit_rows(store) == []


async def test_the_audit_keeps_who_was_joined_before_and_after(store: Store) -> None:
    references = references_in(store)
    await references.link([A, B], act=ANNA)
    await references.link([A, C], act=ANNA)
    rows = await rows_of(store, "SELECT before, after FROM audit_values ORDER BY position")
    assert [(json.loads(before), json.loads(after)) for before, after in rows] == [
        ([], [list(A), list(B)]),
        ([list(A), list(B)], [list(A), list(B), list(C)]),
    ]
