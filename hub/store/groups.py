"""Groups of references that are one real thing: joined by union-find, ordered primary first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hub.model.values import Ref


def joined(groups: Iterable[Sequence[Ref]]) -> list[frozenset[Ref]]:
    """Groups that share a reference become one. No reference is lost, and none is in two groups."""
    parent: dict[Ref, Ref] = {}
    for group in groups:
        for ref in group:
            parent.setdefault(ref, ref)
        for ref in group[1:]:
            parent[_root(parent, group[0])] = _root(parent, ref)
    found: dict[Ref, set[Ref]] = {}
    for ref in parent:
        found.setdefault(_root(parent, ref), set()).add(ref)
    return [frozenset(group) for group in found.values()]


def _root(parent: dict[Ref, Ref], ref: Ref) -> Ref:
    while parent[ref] != ref:
        parent[ref] = parent[parent[ref]]  # halves the path, so that long chains stay flat
        ref = parent[ref]
    return ref


def primary_first(refs: Iterable[Ref], roles: Mapping[str, str]) -> tuple[Ref, ...]:
    """The refs of one group: an ERP's before others, then by system and key. The first leads."""
    return tuple(sorted(refs, key=lambda ref: (roles.get(ref.system) != "erp", ref)))
