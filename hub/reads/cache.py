"""The record cache: what systems told, by question, with generations.

Two orders matter: when a read began, and when its key was last bumped (an event said it changed).
Both are counted on one line, so that an answer is kept only where its read began after the key's
last bump and after the read of what is kept already. An invalidation can never lose to a slow read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from hub.model.errors import OpsHubError
from hub.model.values import Staleness

BUMPS_MAX = 100_000  # keys whose last bump is remembered; 10 MB. Older reads count as outdated
ABSENT_FOR_S = 1.0  # a key that is not there may be created the next moment
RETRY_AFTER_S = 1.0  # a refresh that failed is not tried again sooner: no stampede on a sick system

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Generations:
    """Counts begun reads and bumps on one line, for every cache of the hub."""

    def __init__(self, *, bumps_max: int = BUMPS_MAX) -> None:
        self._moment = 0
        self._bumped: OrderedDict[Hashable, int] = OrderedDict()
        self._floor = 0  # the newest bump that was forgotten; stands in for all forgotten ones
        self._bumps_max = bumps_max

    def begin(self) -> int:
        """The moment a read begins; hand it to `is_current` and to `keep`."""
        self._moment += 1
        return self._moment

    def bump(self, key: Hashable) -> None:
        """What was read of the key until now is outdated, reads in flight included."""
        self._moment += 1
        self._bumped[key] = self._moment
        self._bumped.move_to_end(key)
        if len(self._bumped) > self._bumps_max:
            self._floor = self._bumped.popitem(last=False)[1]

    def is_current(self, key: Hashable, begun: int) -> bool:
        return begun > self._bumped.get(key, self._floor)


@dataclass(slots=True)
class Held(Generic[V]):
    """A kept answer. `read_at` is monotonic seconds, `begun` the moment its read began.

    `failure` is why the last refresh failed, and `retry_at` when the next may be tried.
    """

    value: V
    read_at: float
    fetched_at: datetime
    begun: int
    failure: OpsHubError | None = None
    retry_at: float = 0.0


class GenerationCache(Generic[K, V]):
    """Answers by key, the least recently used ones dropped beyond `entries_max`."""

    def __init__(self, generations: Generations, *, entries_max: int) -> None:
        self._generations = generations
        self._held: OrderedDict[K, Held[V]] = OrderedDict()
        self._entries_max = entries_max

    def __len__(self) -> int:
        return len(self._held)

    def look(self, key: K) -> Held[V] | None:
        held = self._held.get(key)
        if held is not None:
            self._held.move_to_end(key)
        return held

    def keep(self, key: K, held: Held[V]) -> bool:
        """False where the answer is outdated: bumped since its read began, or read before ours."""
        before = self._held.get(key)
        if before is not None and before.begun > held.begun:
            return False
        if not self._generations.is_current(key, held.begun):
            return False
        self._held[key] = held
        self._held.move_to_end(key)
        if len(self._held) > self._entries_max:
            self._held.popitem(last=False)
        return True

    def drop(self, key: K) -> None:
        self._held.pop(key, None)


def staleness_of(age_s: float, *, fresh_for_s: float, stale_for_s: float) -> Staleness:
    """FRESH below `fresh_for_s` (never at 0), STALE up to `stale_for_s`, then EXPIRED."""
    if age_s < fresh_for_s:
        return Staleness.FRESH
    return Staleness.STALE if age_s <= stale_for_s else Staleness.EXPIRED
