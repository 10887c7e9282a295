"""The connected systems' health as data, and who is asking."""

from __future__ import annotations

from typing import NamedTuple

import strawberry

from hub.reads import answers
from hub.reads.answers import SystemState
from hub.security.principal import Principal
from resolvers.context import Context
from resolvers.edges import refuse_strangers, told
from resolvers.enums import SystemCondition, SystemKind
from resolvers.fields import computed, represents


class Unmapped(NamedTuple):
    """How often a native value of a canonical field was not in the systems file."""

    field: str
    times: int


@represents(Unmapped)
@strawberry.type(description="Native values of a field that the systems file does not map.")
class UnmappedCount:
    field: str = told("The canonical field.")
    times: int = told("How often one was met since the hub started.", name="count")


def unmapped_of(state: SystemState) -> list[Unmapped]:
    """By field, in the order of names."""
    return [Unmapped(*each) for each in sorted(state.health.unmapped.items())]


def milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


@represents(answers.SystemState)
@strawberry.type(description="A connected system and how it has answered lately.")
class System:
    name: str = told("Its name in the systems file.")
    role: SystemKind = computed(
        lambda state: SystemKind(state.role.upper()), description="What it is to the company."
    )
    kind: str = told("How it is spoken to: sql, rest.")
    nouns: list[str] = told("What it serves.")
    state: SystemCondition = computed(
        lambda state: SystemCondition(state.health.state), description="How it has answered lately."
    )
    code: str | None = computed(
        lambda state: state.health.code, description="The code of its last error."
    )
    message: str | None = computed(
        lambda state: state.health.message, description="Its last error in words."
    )
    calls: int = computed(
        lambda state: state.health.calls, description="Calls since the hub started."
    )
    failures: int = computed(
        lambda state: state.health.failures, description="Calls that failed since then."
    )
    in_flight: int = computed(
        lambda state: state.health.in_flight, description="Calls running now."
    )
    latency_p50_ms: float | None = computed(
        lambda state: milliseconds(state.health.latency_p50_s),
        description="Half of its calls took at most this many milliseconds.",
    )
    latency_p95_ms: float | None = computed(
        lambda state: milliseconds(state.health.latency_p95_s),
        description="95 of 100 calls took at most this many milliseconds.",
    )
    last_ok_age_s: float | None = computed(
        lambda state: state.health.last_ok_age_s,
        description="Seconds since it last answered; null where it never has.",
    )
    unmapped: list[UnmappedCount] = computed(
        unmapped_of, description="Native values its part of the systems file does not map."
    )


def systems(ctx: Context) -> list[SystemState]:
    """Every declared system, in the order of the systems file; Forbidden outside the house."""
    refuse_strangers(ctx, "systems")
    return ctx.reads.systems()


@represents(Principal)
@strawberry.type(description="The caller, as the token says.")
class Me:
    subject: str = told("Who it is.")
    roles: list[str] = computed(
        lambda principal: sorted(role.value for role in principal.roles),
        description="What they may be, by name.",
    )


def me(ctx: Context) -> Principal:
    """The verified principal of this request."""
    return ctx.principal
