"""The kinds of systems this release can open, and opening all systems of a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Protocol

from hub.config.specs import SystemsFile, SystemSpec
from hub.model.errors import ConfigInvalid
from sources.breaker import Monotonic
from sources.guard import GuardedSource
from sources.port import Source


class CountingSource(Source, Protocol):
    """A source that counts, by field, the native codes it found no row for."""

    @property
    def unmapped(self) -> Mapping[str, int]: ...


def _sql(spec: SystemSpec, file: SystemsFile) -> CountingSource:
    from sources.sql import SqlSource  # importing sqlalchemy costs 0.7 s

    return SqlSource(spec, file)


def _rest(spec: SystemSpec, file: SystemsFile) -> CountingSource:
    from sources.rest import RestSource

    return RestSource(spec, file)


KINDS: Mapping[str, Callable[[SystemSpec, SystemsFile], CountingSource]] = {
    "sql": _sql,
    "rest": _rest,
}
RESERVED_KINDS = ("odata", "graphql", "file")


def open_source(
    spec: SystemSpec, file: SystemsFile, *, clock: Monotonic = time.monotonic
) -> GuardedSource:
    """One system, not yet connected; ConfigInvalid where its kind cannot be opened."""
    if spec.kind not in KINDS:
        known = " or ".join(KINDS)
        when = "is not in this release" if spec.kind in RESERVED_KINDS else "is not known"
        raise ConfigInvalid(f"{spec.name}: kind {spec.kind!r} {when}; use {known}")
    source = KINDS[spec.kind](spec, file)
    return GuardedSource(source, spec.limits, unmapped=source.unmapped, clock=clock)


def open_sources(file: SystemsFile, *, clock: Monotonic = time.monotonic) -> list[GuardedSource]:
    """All systems in the file's order, not yet connected: `start` and `close` each of them."""
    return [open_source(spec, file, clock=clock) for spec in file.systems.values()]
