"""Where in the answer a record stands: worked out only when an error needs it."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

Path = list[str | int]


class Place:
    """The place of the records one selection set is resolved for.

    `above` and `key` are the parents' place and the response key. Record `index` belongs to parent
    `index`; or, with `lengths`, to the parent in whose list it falls. Where there is no such order,
    the `paths` are given.
    """

    __slots__ = ("above", "key", "lengths", "paths")

    def __init__(
        self,
        above: Place | None = None,
        key: str = "",
        *,
        lengths: list[int] | None = None,
        paths: list[Path] | None = None,
    ) -> None:
        self.above = above
        self.key = key
        self.lengths = lengths
        self.paths = paths

    def path(self, index: int) -> Path:
        """The path of record `index`."""
        if self.paths is not None:
            return self.paths[index]
        if self.above is None:
            return []
        if self.lengths is None:
            return [*self.above.path(index), self.key]
        ends = list(accumulate(self.lengths))
        owner = bisect_right(ends, index)
        start = ends[owner - 1] if owner else 0
        return [*self.above.path(owner), self.key, index - start]


class Picked(Place):
    """The place of some of the records of another place, by their indexes."""

    __slots__ = ("indexes", "whole")

    def __init__(self, whole: Place, indexes: list[int]) -> None:
        super().__init__()
        self.whole = whole
        self.indexes = indexes

    def path(self, index: int) -> Path:
        return self.whole.path(self.indexes[index])
