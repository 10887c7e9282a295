"""Union-find over references: whatever is joined with whatever, nothing is lost."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hub.model.values import Ref
from hub.store.groups import joined, primary_first
from hub.store.reference_rows import Row, regroup

REFS = st.builds(
    Ref,
    st.just("customer"),
    st.sampled_from(["erp-eu", "erp-us", "crm"]),
    st.integers(0, 12).map(str),
)
LINKS = st.lists(st.lists(REFS, min_size=1, max_size=4), max_size=12)


def reachable(links: list[list[Ref]], start: Ref) -> set[Ref]:
    """The group of a ref by walking the links until nothing is new: slow and plain."""
    seen = {start}
    while True:
        grown = seen.union(*(link for link in links if seen.intersection(link)))
        if grown == seen:
            return seen
        seen = grown


@given(LINKS)
def test_a_group_is_what_the_links_reach_and_none_is_lost(links: list[list[Ref]]) -> None:
    groups = joined(links)
    assert sorted(ref for group in groups for ref in group) == sorted(
        {ref for link in links for ref in link}
    )
    for group in groups:
        for ref in group:
            assert group == reachable(links, ref)


@given(LINKS, st.randoms(use_true_random=False))
def test_the_order_of_links_does_not_matter(links: list[list[Ref]], random: object) -> None:
    shuffled = [list(link) for link in links]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert set(joined(shuffled)) == set(joined(links))


@given(LINKS, LINKS)
def test_joining_in_two_steps_is_joining_at_once(
    one: list[list[Ref]], two: list[list[Ref]]
) -> None:
    rows = dict(regroup({}, one, by_operator=False).changed)
    rows |= regroup(rows, two, by_operator=False).changed
    stored: dict[str, set[Ref]] = {}
    for ref, row in rows.items():
        stored.setdefault(row.group_id, set()).add(ref)
    assert {frozenset(group) for group in stored.values()} == set(joined([*one, *two]))
    assert not regroup(rows, [*one, *two], by_operator=False).changed


@given(LINKS, REFS)
def test_what_an_operator_took_out_stays_out(links: list[list[Ref]], apart: Ref) -> None:
    rows = {apart: Row("apart", True)}
    found = regroup(rows, links, by_operator=False)
    assert apart not in found.changed
    assert found.kept_apart == {apart}
    assert all(row.group_id != "apart" for row in found.changed.values())


def test_a_long_chain_is_one_group() -> None:
    refs = [Ref("customer", "crm", str(n)) for n in range(20_000)]
    assert joined(pairwise(refs)) == [frozenset(refs)]


def test_the_erp_leads_then_the_lowest() -> None:
    crm, us, eu, wms = (Ref("customer", s, "1") for s in ("crm", "erp-us", "erp-eu", "wms"))
    roles = {"erp-us": "erp", "erp-eu": "erp", "crm": "crm"}
    assert primary_first([crm, wms, us, eu], roles) == (eu, us, crm, wms)
