"""The audit, for auditors: what was done by whom, and who was refused how often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated

import strawberry

from hub.model.errors import Forbidden, InputInvalid
from hub.reads.timeline_query import TimelinePage
from hub.security.principal import Role
from hub.store.audit_log import AuditLog, AuditPage, AuditQuery, AuditRecord
from hub.store.refusals import Refusal as Counted
from hub.store.refusals import RefusalQuery
from resolvers.context import Context
from resolvers.edges import told
from resolvers.fields import computed, represents, root
from resolvers.lookup import argument, check_text
from resolvers.timeline_page import PageInfo

ENTRIES_DEFAULT = 50  # entries of a page
ENTRIES_MAX = 100  # entries of a page
REFUSALS_DEFAULT = 100  # rows
REFUSALS_MAX = 100  # rows
FILTER_MAX = 200  # characters of a filter


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditContext(Context):
    """The context of a hub whose audit may be read."""

    audit: AuditLog


@dataclass(frozen=True, slots=True)
class PlacedRecord:
    """An entry and where it stands."""

    cursor: str
    node: AuditRecord


def place_of(page: AuditPage) -> TimelinePage:
    """Where the page lies, in the shape that stands behind PageInfo."""
    cursors = tuple(entry.cursor for entry in page.entries)
    return TimelinePage((), cursors, page.has_next, page.has_previous, total=len(cursors))


@represents(AuditRecord)
@strawberry.type(description="Who did what, when and why; written with what it tells of.")
class AuditEntry:
    chain: str = told("The chain it is part of: one per data directory of a hub.")
    position: int = told("Its place in the chain, from 1 without a gap.")
    at: datetime = told("When it was done.")
    actor: str = told("Who did it: the subject of a token, `cli:` a user, `file:`, or `rule:`.")
    action: str = told("What was done, such as `cross_reference.link` or `token.revoke`.")
    subject: str = told("What it was done to.")
    reason: str | None = told("Why, in the actor's words.")
    correlation_id: str | None = told("The id of the request that did it.")
    idempotency_key: str | None = told("The key the request carried.")
    before: str | None = told("What was before, as JSON text; null where it was erased.")
    after: str | None = told("What is after, as JSON text; null where it was erased.")
    hash: str = told("SHA-256 over the entry and the hash before it.")


@represents(PlacedRecord)
@strawberry.type(description="An entry of the audit and its cursor.")
class AuditEntryEdge:
    cursor: str = told("Opaque place of the entry, for `after`.")
    node: AuditEntry = told("The entry.")


@represents(AuditPage)
@strawberry.type(description="A page of the audit, newest first.")
class AuditEntryConnection:
    entries: list[AuditEntry] = told("The entries.", name="nodes")
    edges: list[AuditEntryEdge] = computed(
        lambda page: [PlacedRecord(entry.cursor, entry) for entry in page.entries],
        description="The entries with their cursors.",
    )
    page_info: PageInfo = computed(place_of, description="Where the page lies in the whole.")


@represents(Counted)
@strawberry.type(description="How often somebody met a refusal, or read what is masked, a minute.")
class RefusalCount:
    minute: datetime = told("The start of the minute.")
    principal: str = told("The subject of the token; `anonymous` without a valid one.")
    code: str = told("An error code, a reason of UNAUTHENTICATED, or `READ` and a masked field.")
    count: int = told("How often, in all processes together.")


Since = Annotated[datetime | None, argument("Only from this instant on.")]
Until = Annotated[datetime | None, argument("Only before this instant.")]


@partial(root, description="What was done in the hub, newest first. For auditors.")
async def audit_entries(
    ctx: AuditContext,
    *,
    first: Annotated[int, argument("Entries of the page, at most 100.")] = ENTRIES_DEFAULT,
    after: Annotated[str | None, argument("Only entries older than this cursor.")] = None,
    actor: Annotated[str | None, argument("Only by this actor.")] = None,
    action: Annotated[str | None, argument("Only this action.")] = None,
    since: Since = None,
    until: Until = None,
    correlation_id: Annotated[str | None, argument("Only of this correlation id.")] = None,
) -> AuditPage:
    """A page over the chains of all processes; Forbidden for all but auditors."""
    _check_auditor(ctx, "auditEntries")
    _check_first(first, ENTRIES_MAX)
    _check_filters(actor=actor, action=action, correlationId=correlation_id)
    return await ctx.audit.entries(
        AuditQuery(
            first=first,
            after=after,
            actor=actor,
            action=action,
            correlation_id=correlation_id,
            since=since,
            until=until,
        )
    )


@partial(root, description="Who was refused how often, newest minutes first. For auditors.")
async def refusals(
    ctx: AuditContext,
    *,
    first: Annotated[int, argument("Rows, at most 100.")] = REFUSALS_DEFAULT,
    principal: Annotated[str | None, argument("Only of this principal.")] = None,
    code: Annotated[str | None, argument("Only this code.")] = None,
    since: Since = None,
    until: Until = None,
) -> Sequence[Counted]:
    """Counts that were written so far, some seconds after the fact; Forbidden for all but
    auditors."""
    _check_auditor(ctx, "refusals")
    _check_first(first, REFUSALS_MAX)
    _check_filters(principal=principal, code=code)
    query = RefusalQuery(first=first, principal=principal, code=code, since=since, until=until)
    return await ctx.audit.refusals(query)


def _check_auditor(ctx: Context, field: str) -> None:
    if not ctx.has_role(Role.AUDITOR):
        raise Forbidden(f"{field} needs the role auditor; leave it out of the query")


def _check_first(first: int, most: int) -> None:
    if not 1 <= first <= most:
        raise InputInvalid("first", first, expected=f"1 to {most}")


def _check_filters(**filters: str | None) -> None:
    for name, text in filters.items():
        if text is not None:
            check_text(name, text, FILTER_MAX)
