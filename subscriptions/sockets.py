"""Every open connection of this process: how many may be, and how long each may stay.

One sweep looks at all of them: tokens that have ended or were revoked, peers that do not answer,
writes that do not go out. There is no timer for each.
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter
from collections.abc import Callable
from random import uniform
from typing import Literal, Protocol

from hub.model.errors import SubscriptionsExceeded, Unauthenticated
from hub.observe import metrics
from hub.security.principal import CallerClass, Principal, caller_class

Transport = Literal["websocket", "sse"]

SWEEP_EVERY_S = 0.5
OF_A_CUSTOMER_MAX = 10  # connections of one subject that is a customer
OF_A_SUBJECT_MAX = 50  # connections of any other one
PLACES_MAX = 20_000  # connections of one process; fewer where it may open fewer files
FILES_KEPT = 128  # files for the store, systems, NATS, requests and sockets that are refused
FILES_SHARE_MIN = 0.25  # of the files the process may open, where it may open few
COME_AGAIN_S = (0.5, 5.0)  # when clients should come again after a restart, so not all at once


class Connection(Protocol):
    """One open connection. `principal` is None as long as nobody is known."""

    transport: Transport
    principal: Principal | None

    def tick(self, now: float) -> int:
        """Look after itself; the messages sent since the last look."""
        ...

    def expel(self, error: Unauthenticated) -> None:
        """Its token is not good any more."""
        ...

    def go_away(self, come_again_s: float) -> None:
        """The hub ends."""
        ...


class Sockets:
    """`check` raises Unauthenticated for a principal whose token has ended or was revoked."""

    def __init__(
        self,
        check: Callable[[Principal], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        places: int | None = None,
    ) -> None:
        self.is_draining = False
        self.clock = clock
        self._check = check
        self._places = _places() if places is None else places
        self._all: dict[Connection, None] = {}
        self._of_subject: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def has_place(self) -> bool:
        return not self.is_draining and len(self._all) < self._places

    def enter(self, connection: Connection) -> None:
        """It is open, and looked after from now on; SubscriptionsExceeded where all are taken."""
        if not self.has_place:
            raise SubscriptionsExceeded("connections of this process", limit=self._places)
        if connection.principal is not None:
            self._count(connection.principal)
        self._all[connection] = None
        metrics.count_socket(connection.transport, 1)

    def name(self, connection: Connection, principal: Principal) -> None:
        """Whose it is; SubscriptionsExceeded where that subject has too many."""
        self._check(principal)
        self._count(principal)
        connection.principal = principal

    def leave(self, connection: Connection) -> None:
        """It has ended; saying so twice does nothing."""
        if connection not in self._all:
            return
        del self._all[connection]
        metrics.count_socket(connection.transport, -1)
        if connection.principal is not None:
            subject = connection.principal.subject
            self._of_subject[subject] -= 1
            if not self._of_subject[subject]:
                del self._of_subject[subject]

    def drain(self) -> None:
        """End every connection and take no new one; at once, for the server ends next."""
        self.is_draining = True
        for connection in list(self._all):
            connection.go_away(uniform(*COME_AGAIN_S))

    async def follow(self, *, every_s: float = SWEEP_EVERY_S) -> None:
        """Sweep for ever; cancel it to stop."""
        while True:
            await asyncio.sleep(every_s)
            self.sweep()

    def sweep(self) -> None:
        """Look at every connection once."""
        now, sent = self.clock(), Counter[Transport]()
        for connection in list(self._all):
            sent[connection.transport] += connection.tick(now)
            if connection.principal is None:
                continue
            try:
                self._check(connection.principal)
            except Unauthenticated as error:
                connection.expel(error)
        for transport, count in sent.items():
            metrics.count_sent(transport, count)

    def _count(self, principal: Principal) -> None:
        is_customer = caller_class(principal) is CallerClass.CUSTOMER
        limit = OF_A_CUSTOMER_MAX if is_customer else OF_A_SUBJECT_MAX
        if self._of_subject[principal.subject] >= limit:
            raise SubscriptionsExceeded("connections of one subject", limit=limit)
        self._of_subject[principal.subject] += 1


def _places() -> int:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return PLACES_MAX
    return min(PLACES_MAX, max(files - FILES_KEPT, int(files * FILES_SHARE_MIN)))
