"""The composition root: settings and a systems file become sources, reads, schema and endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, WebSocketRoute

from hub.config.settings import Settings
from hub.config.systems import SystemsFile
from hub.connected import CommandsInForce, Connected, WallClock
from hub.events.connection import NatsAccess
from hub.events.dead_letters import DeadLetters
from hub.live import Follow, Ground, Live, open_live
from hub.model.errors import SourceError, StoreUnavailable
from hub.observe import metrics
from hub.observe.health import Part, Readiness, readiness
from hub.observe.tasks import in_background, kept_running
from hub.security.authenticator import Authenticator, open_authenticator
from hub.security.budget import Budgets
from hub.security.introspection import may_introspect
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
from hub.store.usage import UsageStore
from hub.web.catalogue import catalogue_routes
from hub.web.routes import web_routes
from resolvers.commanding import CommandContext
from resolvers.context import Context
from resolvers.cost import Toll
from resolvers.counted import CountedRequests
from resolvers.engine import Engine
from resolvers.http import GraphQLEndpoint
from resolvers.limits import Limits
from resolvers.negotiation import Origins
from resolvers.persisted import Documents
from resolvers.persisted_manifest import ManifestFile
from resolvers.persisted_steps import Step, steps_of
from resolvers.schema import build_schema
from resolvers.usage import Usage
from resolvers.usage_clients import CLIENT_HEADERS
from subscriptions.operation import Runner
from subscriptions.session import Parts
from subscriptions.sse import EventStreams
from subscriptions.websocket import WebSocketEndpoint

TAIL_WAIT_S = 5.0


@dataclass(slots=True)
class Hub:
    """A composed hub. `open_hub` makes it, `close` ends what it opened."""

    settings: Settings
    store: Store
    connected: Connected
    authenticator: Authenticator
    engine: Engine
    trusted: ManifestFile
    usage: Usage
    letters: DeadLetters
    live: Live = field(init=False)
    background: list[asyncio.Task[None]] = field(default_factory=list)
    is_draining: bool = False

    def asgi(self) -> Starlette:
        """The application a server runs."""
        endpoint = self.endpoint()
        telling = self.live.telling
        runner = Runner(endpoint.operations, telling.streams)
        sockets, authenticate = telling.sockets, self.authenticator.authenticate
        talking = WebSocketEndpoint(Parts(authenticate, runner, sockets), origins=endpoint.origins)
        return Starlette(
            routes=[
                Route("/graphql", replace(endpoint, event_streams=EventStreams(runner, sockets))),
                WebSocketRoute("/graphql", talking),
                *self.live.routes(),
                *catalogue_routes(authenticate, self.settings.profile),
                *web_routes(self.look, authenticate),
            ],
            middleware=[_cors(self.settings.cors_origins)],
        )

    def endpoint(self) -> GraphQLEndpoint:
        """`/graphql` with everything that stands before and after the engine."""
        settings = self.settings
        clock = WallClock().monotonic
        return GraphQLEndpoint(
            engine=self.engine,
            authenticate=self.authenticator.authenticate,
            open_context=self.open_context,
            deadline_s=self.deadline_s,
            body_max=settings.body_max_bytes,
            may_introspect=lambda who: may_introspect(who, settings.profile),
            origins=Origins(frozenset(settings.cors_origins)),
            documents=Documents(
                self.trusted,
                steps_of(settings.document_steps, profile=settings.profile),
                count_unknown=_count_unknown,
            ),
            toll=Toll(
                self.engine.graphql_schema,
                Budgets(clock=clock),
                systems=lambda: self.connected.by_name,
            ),
            usage=self.usage,
            counted=CountedRequests(self.engine.graphql_schema, self.authenticator.refusals),
        )

    def open_context(self, principal: Principal, correlation_id: str) -> Context:
        """What resolvers see, for one request of one principal."""
        started_at = datetime.now(UTC)
        return CommandContext(
            reads=self.connected.reads.open(scope_of(principal), caller=caller_class(principal)),
            references=self.connected.references,
            audit=AuditLog(self.store),
            dead_letters=self.letters,
            commands=self.live.commands.ledger,
            terms=CommandsInForce(self.connected).terms,
            answer_by=started_at + timedelta(seconds=self.deadline_s(principal)),
            principal=principal,
            system_roles=self.connected.roles,
            correlation_id=correlation_id,
            started_at=started_at,
        )

    def deadline_s(self, principal: Principal) -> float:
        """How long a principal's whole request may take."""
        if caller_class(principal) is CallerClass.ANALYST:
            return self.settings.request_deadline_analyst_s
        return self.settings.request_deadline_agent_s

    async def look(self) -> Readiness:
        """How ready this process is; asks its own store, never a source."""
        problem = self.authenticator.problem
        identity = Part("identity", is_ok=problem is None, message=problem)
        built = Part("schema", is_ok=True)
        parts = [await _store_part(self.store), identity, built, await self.live.part()]
        return readiness(parts, self.connected.seen(), is_draining=self.is_draining)

    async def start(self) -> list[SourceError]:
        """Come to life: look at every system once; what is wrong there, never raised."""
        self.keep_running(self.live.background())
        problems = await self.connected.start()
        with suppress(TimeoutError):  # a store that is away: subscriptions say so until it is back
            await asyncio.wait_for(self.live.events.tail.started(), TAIL_WAIT_S)
        return problems

    def keep_running(self, works: Sequence[Follow]) -> None:
        """Each for ever, until the hub is closed."""
        self.background += [in_background(kept_running(each)) for each in works]

    def drain(self) -> None:
        self.is_draining = True
        self.live.telling.sockets.drain()

    async def close(self) -> None:
        for task in self.background:
            task.cancel()
        await asyncio.gather(*self.background, return_exceptions=True)
        await self.live.close()
        with suppress(StoreUnavailable):
            await self.usage.write()
        await self.connected.close()
        await self.store.close()


async def open_hub(
    settings: Settings, systems: SystemsFile, rules: TokenRules, *, nats: NatsAccess | None = None
) -> Hub:
    """Everything opened and joined, at rest until `start`; the store is migrated first."""
    await migrate(settings.store_dsn)
    store = await open_store(settings.store_dsn, process=chain_name(settings.data_dir))
    now = WallClock().now
    roles = {name: system.role for name, system in systems.systems.items()}
    references = CrossReferences(store, roles=roles, now=now)
    await references.refresh()
    connected = Connected(
        systems,
        references,
        TimelineEntries(store, now=now),
        records_max=settings.cache_records_max,
        retire_after_s=settings.request_deadline_analyst_s,
    )
    authenticator = await open_authenticator(
        rules, published=published_keys(settings), store=store, now=now
    )
    engine = Engine(build_schema(), plans_max=settings.plan_cache_max, limits=Limits())
    trusted = ManifestFile(settings.trusted_documents)
    trusted.refresh()
    usage = Usage(engine.graphql_schema, UsageStore(store), now=now)
    letters = DeadLetters(store, now=now)
    hub = Hub(settings, store, connected, authenticator, engine, trusted, usage, letters)
    hub.live = await open_live(
        Ground(
            settings=settings,
            store=store,
            connected=connected,
            authenticator=authenticator,
            engine=engine,
            letters=letters,
            open_context=hub.open_context,
            now=now,
        ),
        nats,
    )
    hub.keep_running((references.follow, trusted.follow, usage.follow, *authenticator.background()))
    return hub


async def _store_part(store: Store) -> Part:
    try:
        async with store.read() as connection:
            await connection.execute(select(1))
    except StoreUnavailable as error:
        return Part("store", is_ok=False, message=str(error))
    return Part("store", is_ok=True)


def _count_unknown(step: Step) -> None:
    metrics.count_unknown_document(step.name.lower())


def _cors(origins: Sequence[str]) -> Middleware:
    headers = [
        "Authorization", "Content-Type", "Last-Event-ID", "X-Correlation-Id", "traceparent",
    ]  # fmt: skip
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=[*headers, *CLIENT_HEADERS],
        expose_headers=["X-Correlation-Id", "Retry-After"],
    )
