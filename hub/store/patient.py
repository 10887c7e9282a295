"""SQLite connections whose statements are never left half way (aiosqlite 0.22).

A statement runs in a thread that cannot be cancelled. Were its waiter's cancellation let through,
SQLAlchemy would give the connection up to a task of its own that nobody holds; a transaction that
is lost with it locks the file for every process. So a cancellation waits for the statement, is
remembered, and is raised where the transaction has ended.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import aiosqlite

ITERATED_ROWS = 64  # rows fetched at once by a cursor that is iterated


class PatientConnection(aiosqlite.Connection):
    """`was_cancelled` says that whoever waits for it is to be gone; `forget` begins anew."""

    was_cancelled = False

    def forget(self) -> None:
        self.was_cancelled = False

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self._running or not self._connection:
            raise ValueError("Connection closed")
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._tx.put_nowait((answer, partial(fn, *args, **kwargs)))
        while True:
            try:
                return await asyncio.shield(answer)
            except asyncio.CancelledError:
                if answer.cancelled():
                    raise
                self.was_cancelled = True


def patient_connection(database: str, **settings: Any) -> PatientConnection:
    """What `async_creator_fn` of SQLAlchemy's dialect makes; awaiting it opens it."""
    connection = PatientConnection(partial(sqlite3.connect, database, **settings), ITERATED_ROWS)
    connection._thread.daemon = True  # a process that ends does not wait for it
    return connection
