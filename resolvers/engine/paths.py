"""Where in the answer a record stands: worked out only when an error needs it."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

Path = list[str | int]


class Place:
    """The place of the records one selection set is resolved for.

    `above` and `key` are the parents' place and the response key. Which parent a record belongs to,
    and the list indexes under it, is known in one of three forms: one record per parent in order
    (neither given), the `lengths` of the parents' lists, or the `pairs` themselves.
    """

    __slots__ = ("above", "key", "lengths", "pairs")

    def __init__(
        self,
        above: Place | None,
        key: str | None,
        *,
        lengths: list[int] | None = None,
        pairs: list[tuple[int, Path]] | None = None,
    ) -> None:
        self.above = above
        self.key = key
        self.lengths = lengths
        self.pairs = pairs

    def path(self, index: int) -> Path:
        """The path of record `index`."""
        if self.above is None:
            return []
        owner, below = self._owner(index)
        start = self.above.path(owner)
        return [*start, *below] if self.key is None else [*start, self.key, *below]

    def _owner(self, index: int) -> tuple[int, Path]:
        if self.pairs is not None:
            return self.pairs[index]
        if self.lengths is None:
            return index, []
        ends = list(accumulate(self.lengths))
        owner = bisect_right(ends, index)
        start = ends[owner - 1] if owner else 0
        return owner, [index - start]


def only(place: Place, picked: list[int]) -> Place:
    """The place of some of the records of `place`, by their indexes."""
    return Place(place, None, pairs=[(index, []) for index in picked])
