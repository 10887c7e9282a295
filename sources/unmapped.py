"""Native codes without a row in their table: counted by field, for metrics and for health."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

from hub.observe.metrics import count_unmapped


def counting(system: str, seen: MutableMapping[str, int]) -> Callable[[str, str], None]:
    """A function that counts one miss of a field in both places. The word itself is not kept."""

    def count(field: str, word: str) -> None:
        seen[field] = seen.get(field, 0) + 1
        count_unmapped(system, field)

    return count
