"""Whether this process lives and may take traffic, as pure functions over what others have seen.

Liveness touches nothing. Readiness needs the hub's own store and a built schema; a system that is
down leaves the hub ready, since every other section of an answer still stands, and so does NATS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

SystemState = Literal["UP", "DEGRADED", "DOWN", "UNKNOWN"]
Status = Literal["ready", "degraded", "not_ready", "draining"]


@dataclass(frozen=True, slots=True)
class SystemSeen:
    """A connected system as its guard saw it last; `code` is the last error's."""

    name: str
    state: SystemState
    code: str | None = None
    last_ok_age_s: float | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Something of the hub itself; `message` says what is missing, or how it does.

    Without one that is needed it cannot serve, without another it is degraded.
    """

    name: str
    is_ok: bool
    message: str | None = None
    is_needed: bool = True


@dataclass(frozen=True, slots=True)
class Readiness:
    """`degraded` is ready, without something it can do without. Systems keep their order."""

    status: Status
    parts: tuple[Part, ...]
    systems: tuple[SystemSeen, ...]

    @property
    def is_ready(self) -> bool:
        return self.status in ("ready", "degraded")

    @property
    def http_status(self) -> int:
        return 200 if self.is_ready else 503


def readiness(
    parts: Sequence[Part], systems: Sequence[SystemSeen], *, is_draining: bool
) -> Readiness:
    """Draining wins over all, then a missing part that is needed, then whatever else is missing."""
    return Readiness(_status(parts, systems, is_draining), tuple(parts), tuple(systems))


def _status(parts: Sequence[Part], systems: Sequence[SystemSeen], is_draining: bool) -> Status:
    if is_draining:
        return "draining"
    if not all(part.is_ok for part in parts if part.is_needed):
        return "not_ready"
    # UNKNOWN was not asked yet: nothing is wrong with it.
    if any(system.state in ("DEGRADED", "DOWN") for system in systems):
        return "degraded"
    if not all(part.is_ok for part in parts):
        return "degraded"
    return "ready"


def live_body() -> dict[str, Any]:
    """The body of `/livez`."""
    return {"status": "live"}


def ready_body(seen: Readiness, *, verbose: bool) -> dict[str, Any]:
    """The body of `/readyz`: the status alone, or with parts and systems under `?verbose`."""
    if not verbose:
        return {"status": seen.status}
    return {
        "status": seen.status,
        "parts": [
            {"name": part.name, "ok": part.is_ok, "message": part.message} for part in seen.parts
        ],
        "systems": [
            {
                "name": system.name,
                "state": system.state,
                "code": system.code,
                "lastOkAgeS": system.last_ok_age_s,
            }
            for system in seen.systems
        ],
    }
