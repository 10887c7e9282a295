"""Counts who uses what of the schema: by client, document, operation and coordinate.

A request only adds to numbers in memory; a loop beside the requests writes them to the store. What
an operation selects is found once per document, what its variables name at each request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from graphql import GraphQLSchema, OperationDefinitionNode

from hub.model.errors import StoreUnavailable
from hub.store.usage import (
    KEPT_FOR,
    OF_REQUESTS,
    ROWS_MAX,
    Counted,
    UsageKey,
    UsageStore,
    UsedDocument,
)
from resolvers.engine import Plan
from resolvers.engine.plan_cache import Recent
from resolvers.persisted import ResolvedDocument
from resolvers.usage_clients import Client
from resolvers.usage_coordinates import (
    Inputs,
    coordinates_given,
    coordinates_of,
    inputs_of,
    without_strings,
)
from resolvers.usage_deprecations import Deprecation, deprecations_of
from resolvers.usage_shares import OTHER, Shares, other_of

WRITE_EVERY_S = 10.0
PRUNE_EVERY = timedelta(hours=1)
COUNTERS_MAX = 5_000
"""Different counters of one process and hour; what comes beyond is counted together as OTHER."""
WAITING_MAX = 20_000
"""Counters that wait for a store that is away, of all hours together; the same for the rest."""
DOCUMENTS_WAITING_MAX = 1_000
"""Texts that wait to be written; one beyond is told again by a later request."""
OPERATIONS_MAX = 2_000
"""Operations whose coordinates are kept in memory; finding them takes about 1 ms."""
OPERATION_NAME_MAX = 120  # characters

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Operation:
    """What an operation uses by its text, and which of its variables can name more."""

    name: str
    coordinates: frozenset[str]
    inputs: Inputs
    deprecated: tuple[Deprecation, ...]


class Usage:
    """The counters of one process. `now` is the wall clock, aware."""

    def __init__(
        self, schema: GraphQLSchema, store: UsageStore, *, now: Callable[[], datetime]
    ) -> None:
        self._schema = schema
        self._store = store
        self._now = now
        self._deprecations = deprecations_of(schema)
        self._operations: Recent[tuple[str, str], _Operation] = Recent(OPERATIONS_MAX)
        self._waiting: dict[UsageKey, Counted] = {}
        self._documents: dict[tuple[str, str], UsedDocument] = {}
        self._hour: datetime | None = None
        self._known: set[UsageKey] = set()
        self._shares = Shares()
        self._kept: set[tuple[str, str]] = set()
        self._pruned_at: datetime | None = None
        self._writing = asyncio.Lock()

    def seen(
        self,
        client: Client,
        document: ResolvedDocument,
        plan: Plan,
        *,
        operation_name: str | None,
        variables: Mapping[str, Any],
    ) -> tuple[Deprecation, ...]:
        """Count one request with a valid document; what it uses that will be removed.

        Nothing is counted where the document has no operation of that name.
        """
        node = plan.operation(operation_name)
        if not isinstance(node, OperationDefinitionNode):
            return ()
        operation = self._operation(document.hash, plan, node)
        given = coordinates_given(operation.inputs, variables) - operation.coordinates
        now = self._now()
        hour = _hour_of(now)
        self._turn(hour)
        named = self._shares.named(client)
        key = UsageKey(
            hour, *named, document.hash, operation.name, OF_REQUESTS, document.is_trusted
        )
        if self._count(key, now, client.subject):
            self._keep(key, operation, plan)
            for coordinate in given:
                self._count(key._replace(coordinate=coordinate), now, client.subject)
        return operation.deprecated + tuple(
            self._deprecations[each] for each in sorted(given) if each in self._deprecations
        )

    async def write(self) -> None:
        """Write what was counted; what the store did not take is written the next time."""
        async with self._writing:
            waiting, self._waiting = self._waiting, {}
            keys = sorted(waiting)
            try:
                while keys:
                    await self._store.add([(key, waiting[key]) for key in keys[:ROWS_MAX]])
                    for key in keys[:ROWS_MAX]:
                        del waiting[key]
                    keys = keys[ROWS_MAX:]
            finally:
                for key, counted in waiting.items():
                    self._add(key, counted)
            await self._write_documents()

    async def follow(self, *, every_s: float = WRITE_EVERY_S) -> None:
        """Write and prune for ever. Cancel it to stop, then write once more."""
        while True:
            await asyncio.sleep(every_s)
            try:
                # A write that is cut off after its commit would be counted once more.
                await asyncio.shield(self.write())
                await self.prune()
            except StoreUnavailable:
                _log.warning("usage could not be written; it waits in memory")

    async def prune(self) -> None:
        """Forget what is older than KEPT_FOR; looks once per PRUNE_EVERY."""
        now = self._now()
        if self._pruned_at is None or now - self._pruned_at >= PRUNE_EVERY:
            await self._store.prune(before=now - KEPT_FOR)
            self._pruned_at = now

    def _operation(self, hash_: str, plan: Plan, node: OperationDefinitionNode) -> _Operation:
        name = "" if node.name is None else node.name.value[:OPERATION_NAME_MAX]
        found = self._operations.get((hash_, name))
        if found is None:
            coordinates = coordinates_of(self._schema, node, plan.fragments)
            found = _Operation(
                name,
                coordinates,
                inputs_of(self._schema, node),
                tuple(one for at, one in self._deprecations.items() if at in coordinates),
            )
            self._operations.put((hash_, name), found)
        return found

    def _count(self, key: UsageKey, now: datetime, subject: str | None) -> bool:
        """Whether it was counted under its own name; beyond COUNTERS_MAX it is under OTHER.

        Beyond the subject's share it is under that subject's other.
        """
        has_room = len(self._known) < COUNTERS_MAX and len(self._waiting) < WAITING_MAX
        is_own = key in self._known or (has_room and self._shares.take(subject))
        if is_own:
            self._known.add(key)
            self._add(key, Counted(1, now, now))
        elif key.coordinate == OF_REQUESTS:
            name = OTHER
            if subject is not None and self._shares.is_spent(subject):
                name = other_of(subject)
            other = UsageKey(key.hour, name, OTHER, OTHER, "", OF_REQUESTS, key.is_trusted)
            self._add(other, Counted(1, now, now))
        return is_own

    def _turn(self, hour: datetime) -> None:
        """A new hour has its own counters, and tells the store its documents anew.

        The store may have forgotten a document meanwhile that nobody had run for KEPT_FOR.
        """
        if hour != self._hour:
            self._hour = hour
            self._known.clear()
            self._shares.clear()
            self._kept.clear()

    def _keep(self, key: UsageKey, operation: _Operation, plan: Plan) -> None:
        named = (key.document, key.operation)
        if named not in self._kept and len(self._documents) < DOCUMENTS_WAITING_MAX:
            self._kept.add(named)
            text = without_strings(plan.document)
            self._documents[named] = UsedDocument(*named, operation.coordinates, text)

    def _add(self, key: UsageKey, counted: Counted) -> None:
        standing = self._waiting.get(key)
        if standing is None:
            self._waiting[key] = counted
            return
        standing.count += counted.count
        standing.first_seen_at = min(standing.first_seen_at, counted.first_seen_at)
        standing.last_seen_at = max(standing.last_seen_at, counted.last_seen_at)

    async def _write_documents(self) -> None:
        """Texts after their counts: a pruning process forgets documents without counts."""
        documents, self._documents = self._documents, {}
        try:
            await self._store.remember(documents.values())
        except BaseException:
            self._documents = documents | self._documents
            raise


def _hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
