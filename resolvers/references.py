"""Cross references: keys that cannot be derived from one another, linked by an operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import strawberry

from hub.model.catalog import NOUNS
from hub.model.errors import Forbidden, InputInvalid, NotFound, OpsHubError
from hub.model.values import Ref
from hub.security.principal import Role
from hub.store.cross_references import LINKED_MAX, UNMATCHED_MAX
from hub.store.reference_acts import Act
from resolvers.context import Context
from resolvers.edges import refuse_strangers, told
from resolvers.fields import represents
from resolvers.lookup import SourceRefInput, argument, check_count, check_systems, check_text
from resolvers.sourced import SourceRef

REASON_MAX = 500  # characters
KEY_MAX = 128  # characters of an idempotency key
UNMATCHED_DEFAULT = 100  # references


@dataclass(frozen=True, slots=True)
class Linked:
    """What is the same thing now, the primary reference first."""

    refs: tuple[Ref, ...]


@represents(Linked)
@strawberry.type(description="The references that are one thing after the change.")
class ReferencesPayload:
    refs: list[SourceRef] = told("All of them, the primary one first.", name="sourceRefs")


NounArgument = Annotated[str, argument("The noun, as the systems file names it.")]
Reason = Annotated[str, argument("Why; kept in the audit.")]
IdempotencyKey = Annotated[str, argument("1 to 128 characters; the same key has one effect.")]


async def link_references(
    ctx: Context,
    *,
    noun: NounArgument,
    refs: Annotated[list[SourceRefInput], argument("Two or more that are one thing.")],
    reason: Reason,
    idempotency_key: IdempotencyKey,
) -> Linked:
    """Declare references the same thing; audited. Linking what is linked changes nothing."""
    _check_change(ctx, noun, reason, idempotency_key)
    named = [_ref(ctx, noun, ref) for ref in refs]
    check_count("refs", named, LINKED_MAX)
    await _check_known(ctx, named)
    act = Act(ctx.principal.subject, reason, idempotency_key)
    return Linked(await ctx.references.link(named, act=act))


async def unlink_reference(
    ctx: Context,
    *,
    noun: NounArgument,
    ref: Annotated[SourceRefInput, argument("The one that is a thing of its own.")],
    reason: Reason,
    idempotency_key: IdempotencyKey,
) -> Linked:
    """Take a reference out of those it is linked with; audited. Unlinked already: no change."""
    _check_change(ctx, noun, reason, idempotency_key)
    named = _ref(ctx, noun, ref)
    await _check_visible(ctx, [named])
    act = Act(ctx.principal.subject, reason, idempotency_key)
    await ctx.references.unlink(named, act=act)
    return Linked(ctx.references.same_as(named))


async def unmatched_references(
    ctx: Context,
    *,
    noun: NounArgument,
    first: Annotated[int, argument("At most 100.")] = UNMATCHED_DEFAULT,
) -> Sequence[Ref]:
    """References no other system is known to share; Forbidden outside the house."""
    refuse_strangers(ctx, "unmatchedReferences")
    _check_noun(noun)
    if not 1 <= first <= ctx.limits.unmatched_max:
        raise InputInvalid("first", first, expected=f"1 to {ctx.limits.unmatched_max}")
    # an unbound caller hides nothing and reads nothing for it
    found = await ctx.references.unmatched(noun, limit=UNMATCHED_MAX)
    hidden = set(await ctx.reads.hidden_refs(found))
    return [ref for ref in found if ref not in hidden][:first]


def _check_change(ctx: Context, noun: str, reason: str, idempotency_key: str) -> None:
    if not ctx.has_role(Role.OPERATOR):
        raise Forbidden("changing cross references needs the role operator")
    _check_noun(noun)
    check_text("reason", reason, REASON_MAX)
    check_text("idempotencyKey", idempotency_key, KEY_MAX)


async def _check_visible(ctx: Context, refs: Sequence[Ref]) -> None:
    """NotFound for the first that the caller may not see: an operator of one business unit links
    its records only."""
    for ref in await ctx.reads.hidden_refs(refs):
        raise NotFound(ref.noun, f"{ref.system}:{ref.key}")


async def _check_known(ctx: Context, refs: Sequence[Ref]) -> None:
    """Each is a record its system has and the caller may see, else nothing is linked.

    NotFound for the first that is not; why it was not read where its system cannot tell now.
    """
    for ref, found in zip(refs, await ctx.reads.record_by_ref(refs), strict=True):
        if isinstance(found, OpsHubError):
            raise found
        if found is None:
            raise NotFound(ref.noun, f"{ref.system}:{ref.key}")


def _check_noun(noun: str) -> None:
    if noun not in NOUNS:
        raise InputInvalid("noun", noun, expected=f"one of {', '.join(sorted(NOUNS))}")


def _ref(ctx: Context, noun: str, given: SourceRefInput) -> Ref:
    check_systems(ctx, "refs.system", [given.system])
    return Ref(noun, given.system, given.external_id)
