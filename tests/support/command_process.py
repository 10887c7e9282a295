"""A process that takes wishes and carries them out, over the store and the system it is given.

`python -m tests.support.command_process URL ERP_FILE HOLDER COUNT` ends with 0 when all are done.
The system is a database of its own with one row for each effect.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path as File

from hub.events.commanding import Applied, NotFound, Outcome, Sought, Terms, Values
from hub.model.errors import StoreUnavailable
from hub.store.migrate import open_store
from tests.support.commanded import Path, wish

LEASE_S = 1.0
CALL_S = 0.15  # from the effect to the answer
SETTLES_S = 0.2


class FileErp:
    """Implements `Commanding`. References are unique; `delay_s` lies before the effect."""

    def __init__(self, file: File, *, delay_s: float = 0.0) -> None:
        self._file, self._delay_s = file, delay_s

    def terms(self, command: str) -> Terms | None:
        return Terms(0.5, SETTLES_S, is_reference_unique=True)

    async def execute(self, command: str, values: Values, *, reference: str) -> Outcome:
        await asyncio.sleep(self._delay_s)
        with opened(self._file) as erp:
            erp.execute("INSERT INTO call (reference) VALUES (?)", (reference,))
            erp.execute("INSERT OR IGNORE INTO effect (reference) VALUES (?)", (reference,))
        await asyncio.sleep(CALL_S)
        return Applied({"number": reference})

    async def find(self, command: str, values: Values, *, reference: str) -> Sought:
        with opened(self._file) as erp:
            asked = "SELECT reference FROM effect WHERE reference = ?"
            found = erp.execute(asked, (reference,)).fetchone()
        return NotFound() if found is None else Applied({"number": reference})


@contextmanager
def opened(file: File) -> Iterator[sqlite3.Connection]:
    """Each statement is committed at once."""
    with closing(sqlite3.connect(file, isolation_level=None)) as erp:
        yield erp


def new_erp(file: File) -> None:
    with opened(file) as erp:
        erp.execute("CREATE TABLE effect (reference TEXT PRIMARY KEY)")
        erp.execute("CREATE TABLE call (reference TEXT)")


def effects(file: File, table: str = "effect") -> list[str]:
    with opened(file) as erp:
        return [each for (each,) in erp.execute(f"SELECT reference FROM {table}")]


async def main(url: str, erp: str, holder: str, count: int, delay_s: float) -> None:
    store = await open_store(url, process=holder)
    path = Path(store, FileErp(File(erp), delay_s=delay_s), lease_s=LEASE_S, holder=holder)
    ids = [await accepted(path, n) for n in range(count)]
    dispatching = asyncio.create_task(path.dispatcher.follow())
    for each in ids:
        while not (await path.ledger.wait_for_end(each, 5.0)).status.is_final:
            pass
    dispatching.cancel()
    with suppress(asyncio.CancelledError):
        await dispatching
    await store.close()


async def accepted(path: Path, number: int) -> str:
    """As a client does: the same key until it is told that it was accepted."""
    while True:
        with suppress(StoreUnavailable):
            wanted = wish(f"k{number}", aggregate=f"order/erp/{number}")
            return (await path.ledger.accept(wanted)).id


if __name__ == "__main__":
    url, erp, holder, count, delay_s = sys.argv[1:]
    asyncio.run(main(url, erp, holder, int(count), float(delay_s)))
