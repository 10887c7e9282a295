"""How a demo system lives: moves as tables, made one at a time, each in one transaction.

A `Move` takes a row of a table from one status to another; a `Birth` makes a new one. Every change
of a row sets its change stamp; what else belongs to the move happens in its `then`.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from hub.demo.database import Row, fetch, fetch_one, insert
from hub.demo.formats import now
from hub.demo.post import Post

CANDIDATES_MAX = 20
"""Rows among which a move chooses: those that rested longest, or those that moved last."""
GO_ON_CHANCE = 0.4
"""How often it goes on with what moved last, so that some orders are through within a minute."""
ROWS_MAX = 20_000
"""Rows of one table up to which new ones are made, where the kind says nothing else."""


class NotNow(Exception):
    """The move cannot be made: no such record, or it is not in a status the move begins at."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Rows of one table that change. `codes` turns the plan's words into the system's statuses."""

    name: str
    table: str
    key: tuple[str, ...]
    stamp: str
    write_stamp: Callable[[datetime], str | None]
    status: str = ""
    codes: Mapping[str, Any] = field(default_factory=dict)
    rows_max: int = ROWS_MAX


@dataclass(frozen=True, slots=True)
class Changed:
    """One record that a move changed: its kind, and its native key, parts joined by `/`."""

    move: str
    kind: str
    key: str


@dataclass
class Scene:
    """One move while it is made, at one instant. What `then` changes, it changes through this."""

    connection: sqlite3.Connection
    rng: Random
    post: Post
    at: datetime
    move: str
    changed: dict[Changed, None] = field(default_factory=dict)

    def change(self, kind: Kind, row: Row, columns: Mapping[str, Any]) -> None:
        """Set columns of the row, and its stamp."""
        values = {**columns, kind.stamp: kind.write_stamp(self.at)}
        sets = ", ".join(f"{column} = ?" for column in values)
        tests = " AND ".join(f"{column} = ?" for column in kind.key)
        keys = [row[column] for column in kind.key]
        sql = f"UPDATE {kind.table} SET {sets} WHERE {tests}"
        self.connection.execute(sql, [*values.values(), *keys])
        self.note(kind, row)

    def compute(self, kind: Kind, row: Row, expressions: Mapping[str, str]) -> None:
        """Set columns to SQL expressions over the row's own columns, and its stamp."""
        if expressions:
            sets = ", ".join(f"{column} = {text}" for column, text in expressions.items())
            tests = " AND ".join(f"{column} = ?" for column in kind.key)
            keys = [row[column] for column in kind.key]
            self.connection.execute(f"UPDATE {kind.table} SET {sets} WHERE {tests}", keys)
        self.change(kind, row, {})

    def add(self, kind: Kind, row: Row) -> Row:
        """Insert a record with its stamp; answers the whole row, generated keys included."""
        whole = {**row, kind.stamp: kind.write_stamp(self.at)}
        cursor = self._insert(kind.table, whole)
        if len(kind.key) == 1:
            whole.setdefault(kind.key[0], cursor.lastrowid)
        self.note(kind, whole)
        return whole

    def add_parts(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows that belong to a record and have no stamp of their own."""
        insert(self.connection, table, rows)

    def rows(self, sql: str, *values: Any) -> list[Row]:
        return fetch(self.connection, sql, *values)

    def one(self, sql: str, *values: Any) -> Row | None:
        return fetch_one(self.connection, sql, *values)

    def note(self, kind: Kind, row: Row) -> None:
        """The record was changed; others are told."""
        self.changed[Changed(self.move, kind.name, key_of(kind, row))] = None

    def _insert(self, table: str, row: Row) -> sqlite3.Cursor:
        marks = ", ".join("?" * len(row))
        sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
        return self.connection.execute(sql, list(row.values()))


Then = Callable[[Scene, Row], None]


@dataclass(frozen=True, slots=True)
class Move:
    """From any of the statuses `begins` to `ends`; empty ones leave the status as it is.

    `moments` are columns that take the instant in the system's form, `sets` columns that take an
    SQL expression over the row, `when` an SQL condition that may use `:moment`. With `rests` the
    row itself is not changed: only `then` acts. `weight` is how often it is made, beside others.
    """

    name: str
    kind: Kind
    begins: tuple[str, ...] = ()
    ends: str = ""
    moments: tuple[str, ...] = ()
    sets: Mapping[str, str] = field(default_factory=dict)
    when: str = ""
    then: Then | None = None
    rests: bool = False
    weight: int = 10


@dataclass(frozen=True, slots=True)
class Birth:
    """Makes a new record; `make` is given the key it was asked for, and raises NotNow."""

    name: str
    kind: Kind
    make: Callable[[Scene, str | None], None]
    weight: int = 5


@dataclass(frozen=True, slots=True)
class Life:
    """All a system does by itself. `write_moment` writes an instant in its records' own form."""

    moves: tuple[Move | Birth, ...]
    write_moment: Callable[[datetime], str | None]


def key_of(kind: Kind, row: Row) -> str:
    return "/".join(str(row[column]) for column in kind.key)


class Living:
    """A life as it is led in one database; `dice` decide what happens next."""

    def __init__(
        self, life: Life, connection: sqlite3.Connection, *, dice: Random, post: Post
    ) -> None:
        self._life = life
        self._connection = connection
        self._dice = dice
        self._post = post

    @property
    def names(self) -> list[str]:
        return [move.name for move in self._life.moves]

    def tick(self) -> list[Changed]:
        """Make one move, whichever can be made; empty where the system has nothing left to do."""
        for move in self._drawn():
            try:
                return self._make(move, None)
            except NotNow:
                continue
        return []

    def act(self, name: str, key: str | None) -> list[Changed]:
        """Make that move now, on that record or on any that fits; raises NotNow."""
        for move in self._life.moves:
            if move.name == name:
                return self._make(move, key)
        raise NotNow(f"no move is called {name}; there are {', '.join(self.names)}")

    def _drawn(self) -> Iterator[Move | Birth]:
        """All moves in a drawn order, heavier ones sooner as a rule."""
        lots = [(self._dice.random() ** (1 / each.weight), each) for each in self._life.moves]
        for _, move in sorted(lots, key=lambda lot: lot[0], reverse=True):
            yield move

    def _make(self, move: Move | Birth, key: str | None) -> list[Changed]:
        scene = Scene(self._connection, self._dice, self._post, now(), move.name)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            if isinstance(move, Birth):
                self._bear(scene, move, key)
            else:
                self._move(scene, move, key)
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return list(scene.changed)

    def _bear(self, scene: Scene, birth: Birth, key: str | None) -> None:
        counted = scene.one(f"SELECT count(*) AS n FROM {birth.kind.table}")
        if counted is not None and counted["n"] >= birth.kind.rows_max:
            raise NotNow(f"{birth.kind.table} holds {counted['n']} rows, which is enough")
        birth.make(scene, key)

    def _move(self, scene: Scene, move: Move, key: str | None) -> None:
        row = self._candidate(scene, move, key)
        kind = move.kind
        if not move.rests:
            values = {column: self._life.write_moment(scene.at) for column in move.moments}
            if move.ends:
                values[kind.status] = kind.codes[move.ends]
            scene.compute(kind, row, move.sets)
            scene.change(kind, row, values)
        if move.then is not None:
            move.then(scene, row)

    def _candidate(self, scene: Scene, move: Move, key: str | None) -> Row:
        kind = move.kind
        tests, values = [move.when or "1 = 1"], {"moment": self._life.write_moment(scene.at)}
        if move.begins:
            values |= {f"b{place}": kind.codes[word] for place, word in enumerate(move.begins)}
            marks = ", ".join(f":b{place}" for place in range(len(move.begins)))
            tests.append(f"{kind.status} IN ({marks})")
        if key is not None:
            values["key"] = key
            tests.append(f"{' || :slash || '.join(kind.key)} = :key")
            values["slash"] = "/"
        way = "DESC" if self._dice.random() < GO_ON_CHANCE else "ASC"
        sql = (
            f"SELECT * FROM {kind.table} WHERE {' AND '.join(f'({test})' for test in tests)}"
            f" ORDER BY {kind.stamp} {way} LIMIT {CANDIDATES_MAX}"
        )
        rows = [dict(row) for row in self._connection.execute(sql, values)]
        if not rows:
            raise NotNow(_why_not(move, key))
        return self._dice.choice(rows)


def _why_not(move: Move, key: str | None) -> str:
    whom = f"{move.kind.name} {key} is not" if key is not None else f"no {move.kind.name} is"
    begins = " or ".join(str(move.kind.codes[word]) for word in move.begins) or "any status"
    return f"{move.name} begins at {begins} with all else it needs, and {whom} there now"
