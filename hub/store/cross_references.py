"""Cross references: which records of several systems are one real thing.

They come from an import file, from rules, and from operators; every change is audited in its own
transaction. Reads ask a snapshot in memory, which follows the store's version, so that several
processes agree within FOLLOW_EVERY_S. Merging never loses a reference: groups only join, and a
reference that an operator takes out stays known, alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.model.errors import InputInvalid, StoreUnavailable
from hub.model.record import Record
from hub.model.values import Ref
from hub.store import reference_rows
from hub.store.engine import Store
from hub.store.groups import primary_first
from hub.store.reference_acts import Act, Change, answered_before, write_audit
from hub.store.reference_rows import Now, Origin, Row, regroup
from hub.store.reference_rules import Matches, matched
from hub.store.reference_table import ReferenceTable, groups_of
from hub.store.tables import cross_reference

FOLLOW_EVERY_S = 2.0
LINKED_MAX = 50  # refs of one operator's act
UNMATCHED_MAX = 1_000  # refs of one answer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import or a rule run did. `kept_apart` an operator had separated before."""

    refs: int
    changed: int
    kept_apart: tuple[Ref, ...]
    ambiguous: tuple[tuple[Ref, ...], ...] = ()


class CrossReferences:
    """`roles` are the systems' roles by name: in a group the ERP's reference leads."""

    def __init__(self, store: Store, *, roles: Mapping[str, str], now: Now) -> None:
        self._store = store
        self._roles = dict(roles)
        self._now = now
        self._version = -1
        self._groups: Mapping[Ref, tuple[Ref, ...]] = {}
        self._refreshing = asyncio.Lock()

    def same_as(self, ref: Ref) -> tuple[Ref, ...]:
        """All refs of one real thing, the asked one among them, the leading one first."""
        return self._groups.get(ref) or (ref,)

    async def refresh(self) -> bool:
        """Read the groups again where another process (or this one) has changed them."""
        async with self._refreshing:
            async with self._store.read() as connection:
                version = await reference_rows.current_version(connection)
                if version == self._version:
                    return False
                groups = await reference_rows.all_groups(connection)
            # Swapped at once: a read sees the old groups or the new ones, never half of each.
            self._groups = await asyncio.to_thread(self._ordered, groups.values())
            self._version = version
            return True

    async def follow(self, *, every_s: float = FOLLOW_EVERY_S) -> None:
        """Refresh for ever; the last snapshot stands while the store is away. Cancel it to stop."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await self.refresh()
            except StoreUnavailable:
                _log.warning("the cross references could not be refreshed; the last ones stand")

    async def link(self, refs: Sequence[Ref], *, act: Act) -> tuple[Ref, ...]:
        """Make the refs, and all they are joined with, one; the whole group, leading ref first.

        InputInvalid for fewer than two refs, more than LINKED_MAX, or refs of several nouns.
        """
        noun = _one_noun(refs)
        asked = [list(ref) for ref in dict.fromkeys(refs)]
        async with self._store.write() as connection:
            await reference_rows.lock(connection, self._store)
            answered = await answered_before(connection, "link", act, request=asked)
            if answered is None:
                known = await reference_rows.touched(connection, noun, refs)
                found = regroup(known, [refs], by_operator=True)
                if found.changed:
                    await self._write(connection, known, found.changed, origin="operator")
                after = await self._groups_of(connection, noun, refs)
                if found.changed or act.key is not None:
                    before = [list(ref) for ref in sorted(known)]
                    await self._audit(connection, act, Change("link", before, after, asked))
                answered = after
        await self.refresh()
        return primary_first((Ref(*ref) for ref in answered), self._roles)

    async def unlink(self, ref: Ref, *, act: Act) -> bool:
        """Take a ref out of its group for good: rules and imports will not put it back.

        The others stay together. False where it was in no group.
        """
        async with self._store.write() as connection:
            await reference_rows.lock(connection, self._store)
            answered = await answered_before(connection, "unlink", act, request=list(ref))
            if answered is None:
                known = await reference_rows.touched(connection, ref.noun, [ref])
                answered = len(known) > 1
                if answered:
                    alone = {ref: Row(reference_rows.new_group(), True)}
                    await self._write(connection, known, alone, origin="operator")
                if answered or act.key is not None:
                    before = [list(each) for each in sorted(known)]
                    change = Change("unlink", before, answered, list(ref))
                    await self._audit(connection, act, change)
        await self.refresh()
        return bool(answered)

    async def import_table(self, table: ReferenceTable) -> Imported:
        """Link what the rows of a CSV file join; running it again changes nothing."""
        groups = await asyncio.to_thread(groups_of, table)
        return await self._join(
            table.noun, groups, origin="import", actor=f"file:{table.path.name}"
        )

    async def match(self, noun: str, fields: Sequence[str], records: Iterable[Record]) -> Imported:
        """Link records of several systems that agree in all the fields; remember all of them.

        Records of one system that agree link nothing and are listed as ambiguous.
        """
        seen = list(records)
        found: Matches = matched(seen, fields)
        links = [*found.links, *((record.ref,) for record in seen)]
        done = await self._join(noun, links, origin="rule", actor=f"rule:{noun}:{'+'.join(fields)}")
        return Imported(done.refs, done.changed, done.kept_apart, found.ambiguous)

    async def unmatched(self, noun: str | None = None, *, limit: int = UNMATCHED_MAX) -> list[Ref]:
        """Refs that were seen and are in no group, by noun, system and key; `limit` at most."""
        c = cross_reference.c
        alone = select(c.group_id).group_by(c.group_id).having(func.count() == 1)
        asked = select(c.noun, c.system, c.key).where(c.group_id.in_(alone))
        if noun is not None:
            asked = asked.where(c.noun == noun)
        async with self._store.read() as connection:
            rows = await connection.execute(
                asked.order_by(c.noun, c.system, c.key).limit(min(limit, UNMATCHED_MAX))
            )
            return [Ref(*row) for row in rows]

    def _ordered(self, groups: Iterable[list[Ref]]) -> dict[Ref, tuple[Ref, ...]]:
        ordered = [primary_first(refs, self._roles) for refs in groups if len(refs) > 1]
        return {ref: group for group in ordered for ref in group}

    async def _join(
        self, noun: str, links: Sequence[Sequence[Ref]], *, origin: Origin, actor: str
    ) -> Imported:
        refs = list(dict.fromkeys(ref for link in links for ref in link))
        if not refs:
            return Imported(0, 0, ())
        async with self._store.write() as connection:
            await reference_rows.lock(connection, self._store)
            known = await reference_rows.touched(connection, noun, refs)
            # In a thread: 100,000 refs take 0.5 s, and requests are waiting.
            found = await asyncio.to_thread(regroup, known, links, by_operator=False)
            if found.changed:
                await self._write(connection, known, found.changed, origin=origin)
                after = {"refs": len(refs), "changed": len(found.changed)}
                change = Change(origin, {"refs": len(known)}, after)
                await self._audit(connection, Act(actor, "found to be one"), change)
        await self.refresh()
        kept_apart = tuple(sorted(found.kept_apart.intersection(refs)))
        return Imported(len(refs), len(found.changed), kept_apart)

    async def _write(
        self,
        connection: AsyncConnection,
        known: reference_rows.Rows,
        changed: Mapping[Ref, Row],
        *,
        origin: Origin,
    ) -> None:
        await reference_rows.write(connection, known, changed, origin=origin, at=self._now())
        await reference_rows.count_change(connection, self._store)

    async def _groups_of(
        self, connection: AsyncConnection, noun: str, refs: Sequence[Ref]
    ) -> list[list[str]]:
        return [list(ref) for ref in sorted(await reference_rows.touched(connection, noun, refs))]

    async def _audit(self, connection: AsyncConnection, act: Act, change: Change) -> None:
        await write_audit(connection, self._store, act=act, change=change, at=self._now())


def _one_noun(refs: Sequence[Ref]) -> str:
    if not 2 <= len(set(refs)) <= LINKED_MAX:
        raise InputInvalid("refs", len(refs), expected=f"2 to {LINKED_MAX} different references")
    nouns = {ref.noun for ref in refs}
    if len(nouns) > 1:
        raise InputInvalid("refs", ", ".join(sorted(nouns)), expected="references of one noun")
    return refs[0].noun
