"""The composition root: settings and a systems file become sources, reads, schema and endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from hub.config.settings import Settings
from hub.config.systems import SystemsFile
from hub.model.errors import SourceError, StoreUnavailable
from hub.observe.health import Part, Readiness, SystemSeen, readiness
from hub.reads.meeting import learn_references
from hub.reads.reads import ReadHub
from hub.security.authenticator import Authenticator, open_authenticator
from hub.security.principal import CallerClass, Principal, caller_class
from hub.security.profile import published_keys
from hub.security.scope import scope_of
from hub.security.tokens import TokenRules
from hub.store.audit_log import AuditLog
from hub.store.chain_name import chain_name
from hub.store.cross_references import CrossReferences
from hub.store.engine import Store
from hub.store.migrate import migrate, open_store
from hub.store.timeline_entries import TimelineEntries
from hub.web.routes import web_routes
from resolvers.audit import AuditContext
from resolvers.context import Context
from resolvers.engine import Engine
from resolvers.http import GraphQLEndpoint
from resolvers.schema import build_schema
from sources.guard import GuardedSource
from sources.registry import open_sources


class WallClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return monotonic()


@dataclass(slots=True)
class Hub:
    """A composed hub. `open_hub` makes it, `close` ends what it opened."""

    settings: Settings
    systems: SystemsFile
    authenticator: Authenticator
    store: Store
    references: CrossReferences
    sources: Sequence[GuardedSource]
    engine: Engine
    reads: ReadHub = field(init=False)
    background: list[asyncio.Task[None]] = field(default_factory=list)
    is_draining: bool = False

    def __post_init__(self) -> None:
        self.reads = self._reads_over(self.sources)

    def asgi(self) -> Starlette:
        """The application a server runs."""
        endpoint = GraphQLEndpoint(
            engine=self.engine,
            authenticate=self.authenticate,
            open_context=self.open_context,
            deadline_s=self.deadline_s,
            body_max=self.settings.body_max_bytes,
        )
        return Starlette(
            routes=[Route("/graphql", endpoint), *web_routes(self.look)],
            middleware=[_cors(self.settings.cors_origins)],
        )

    def authenticate(self, authorization: str | None) -> Principal:
        return self.authenticator.authenticate(authorization)

    def open_context(self, principal: Principal, correlation_id: str) -> Context:
        scope = scope_of(principal)
        return AuditContext(
            reads=self.reads.open(scope, caller=caller_class(principal)),
            references=self.references,
            audit=AuditLog(self.store),
            principal=principal,
            system_roles={source.name: source.role for source in self.sources},
            correlation_id=correlation_id,
            started_at=datetime.now(UTC),
        )

    def deadline_s(self, principal: Principal) -> float:
        if caller_class(principal) is CallerClass.ANALYST:
            return self.settings.request_deadline_analyst_s
        return self.settings.request_deadline_agent_s

    async def look(self) -> Readiness:
        """How ready this process is; asks its own store, never a source."""
        problem = self.authenticator.problem
        identity = Part("identity", is_ok=problem is None, message=problem)
        parts = [await _store_part(self.store), identity, Part("schema", is_ok=True)]
        seen = [_seen(source) for source in self.sources]
        return readiness(parts, seen, is_draining=self.is_draining)

    def drain(self) -> None:
        self.is_draining = True

    async def start(self) -> list[SourceError]:
        """Look at every system once, each within its deadline; what is wrong there, never raised.

        A system that is not there yet is asked again by whoever needs it.
        """
        found = await asyncio.gather(*(source.start() for source in self.sources))
        return [problem for problems in found for problem in problems]

    async def apply(self, systems: SystemsFile) -> list[SourceError]:
        """Put another systems file in place of the one that is served, if all of it connects.

        Requests that run keep the old sources until their deadline; sockets are not touched. What
        is wrong is returned, and then nothing has changed.
        """
        sources = open_sources(systems)
        found = await asyncio.gather(*(source.start() for source in sources))
        problems = [problem for problems in found for problem in problems]
        if problems:
            await asyncio.gather(*(source.close() for source in sources))
            return problems
        self.background.append(asyncio.create_task(self._retire(self.reads, self.sources)))
        self.systems, self.sources = systems, sources
        self.reads = self._reads_over(sources)
        self.background.append(asyncio.create_task(self._learn()))
        return []

    async def _retire(self, reads: ReadHub, sources: Sequence[GuardedSource]) -> None:
        try:
            await asyncio.sleep(self.settings.request_deadline_analyst_s)
        finally:
            await reads.close()
            await asyncio.gather(*(source.close() for source in sources))

    def _reads_over(self, sources: Sequence[GuardedSource]) -> ReadHub:
        clock = WallClock()
        return ReadHub(
            sources,
            references=self.references,
            recorded=TimelineEntries(self.store, now=clock.now),
            clock=clock,
            records_max=self.settings.cache_records_max,
        )

    async def _learn(self) -> None:
        """Import files and rules of the cross references, in the background."""
        folder = Path(self.systems.where(("version",)).file).parent
        specs = self.systems.cross_references
        await learn_references(self.references, specs, self.sources, folder=folder)

    async def close(self) -> None:
        for task in self.background:
            task.cancel()
        await asyncio.gather(*self.background, return_exceptions=True)
        await self.reads.close()
        await asyncio.gather(*(source.close() for source in self.sources))
        await self.store.close()


async def open_hub(settings: Settings, systems: SystemsFile, rules: TokenRules) -> Hub:
    """Everything opened and joined; the store is migrated first."""
    await migrate(settings.store_dsn)
    store = await open_store(settings.store_dsn, process=chain_name(settings.data_dir))
    sources = open_sources(systems)
    roles = {source.name: source.role for source in sources}
    now = WallClock().now
    references = CrossReferences(store, roles=roles, now=now)
    await references.refresh()
    published = published_keys(settings)
    authenticator = await open_authenticator(rules, published=published, store=store, now=now)
    engine = Engine(build_schema(), plans_max=settings.plan_cache_max)
    hub = Hub(settings, systems, authenticator, store, references, sources, engine)
    running = (hub._learn(), references.follow(), *authenticator.background())
    hub.background += [asyncio.create_task(each) for each in running]
    return hub


async def _store_part(store: Store) -> Part:
    try:
        async with store.read() as connection:
            await connection.execute(select(1))
    except StoreUnavailable as error:
        return Part("store", is_ok=False, message=str(error))
    return Part("store", is_ok=True)


def _cors(origins: Sequence[str]) -> Middleware:
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["POST"],
        allow_headers=["Authorization", "Content-Type", "X-Correlation-Id", "traceparent"],
        expose_headers=["X-Correlation-Id"],
    )


def _seen(source: GuardedSource) -> SystemSeen:
    health = source.health()
    return SystemSeen(source.name, health.state, health.code, health.last_ok_age_s)
