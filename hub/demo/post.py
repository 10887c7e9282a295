"""The paper between the demo systems: an order to ship, a parcel to fetch, a return to expect.

One file in the data directory. A note names only what such systems would exchange: order, RMA and
tracking numbers, articles and quantities.
"""

import sqlite3
from pathlib import Path

import orjson

from hub.demo.database import Row, connect, fetch_one

NOTES_MAX = 500
"""A note that so many others followed is lost: its receiver stands still."""
FILE = "post.sqlite"
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " receiver TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS notes_receiver ON notes (receiver, kind, id)",
)


class Post:
    """Notes by receiver and kind, each taken once, oldest first."""

    def __init__(self, data_dir: Path) -> None:
        self._connection = _opened(data_dir / FILE)

    def send(self, receiver: str, kind: str, note: Row) -> None:
        body = orjson.dumps(note).decode()
        self._connection.execute(
            "INSERT INTO notes (receiver, kind, body) VALUES (?, ?, ?)", (receiver, kind, body)
        )
        self._connection.execute(
            "DELETE FROM notes WHERE receiver = ? AND id <= (SELECT max(id) FROM notes) - ?",
            (receiver, NOTES_MAX),
        )

    def take(self, receiver: str, kind: str) -> Row | None:
        """The oldest note, which is then gone; None where there is none."""
        sql = (
            "DELETE FROM notes WHERE id = (SELECT min(id) FROM notes WHERE receiver = ?"
            " AND kind = ?) RETURNING body"
        )
        note = fetch_one(self._connection, sql, receiver, kind)
        return None if note is None else dict(orjson.loads(note["body"]))

    def close(self) -> None:
        self._connection.close()


def _opened(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    # six processes open it at once: who comes first makes it, the others wait for the lock
    connection.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA:
        connection.execute(statement)
    connection.execute("COMMIT")
    return connection
