"""How much of the counters of an hour one caller may take: a client's name is free to invent.

What is there already is everyone's; only whoever brings something new is charged for it.
"""

from __future__ import annotations

from collections import Counter

from resolvers.usage_clients import NAME_MAX, Client

CLIENTS_OF_ONE_MAX = 20
"""Clients, a name with its version, that one principal may bring in an hour."""
COUNTERS_OF_ONE_MAX = 1_000
"""Counters that one principal may bring in an hour: a fifth of all."""
CLIENTS_MAX = 5_000
"""Clients known in an hour; there are no more counters than that."""
OTHER = "other"


class Shares:
    """What each principal brought in this hour; `clear` it when the next one begins.

    Who asks without a subject is not bounded: there is nobody to charge.
    """

    def __init__(self) -> None:
        self._clients: set[tuple[str, str]] = set()
        self._clients_by: Counter[str] = Counter()
        self._counters_by: Counter[str] = Counter()

    def clear(self) -> None:
        self._clients.clear()
        self._clients_by.clear()
        self._counters_by.clear()

    def named(self, client: Client) -> tuple[str, str]:
        """The name and version to count under; what is beyond the share is the subject's other."""
        told = (client.name, client.version)
        if told in self._clients or len(self._clients) >= CLIENTS_MAX:
            return told
        if client.subject is not None:
            if self._clients_by[client.subject] >= CLIENTS_OF_ONE_MAX:
                return other_of(client.subject), OTHER
            self._clients_by[client.subject] += 1
        self._clients.add(told)
        return told

    def take(self, subject: str | None) -> bool:
        """Whether the subject may bring one more counter, which is charged."""
        if self.is_spent(subject):
            return False
        if subject is not None:
            self._counters_by[subject] += 1
        return True

    def is_spent(self, subject: str | None) -> bool:
        return subject is not None and self._counters_by[subject] >= COUNTERS_OF_ONE_MAX


def other_of(subject: str) -> str:
    """A name no header can tell, for it begins with a bracket; cut to what the store holds."""
    return f"({OTHER}) {subject}"[:NAME_MAX]
