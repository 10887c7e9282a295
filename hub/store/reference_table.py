"""The import file of cross references: a CSV file with a header, one row per real thing."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from hub.model.errors import ConfigInvalid
from hub.model.values import Ref

ROWS_MAX = 1_000_000
BYTES_MAX = 256 * 1024 * 1024
KEY_LENGTH_MAX = 400  # characters, as the store keeps them


@dataclass(frozen=True, slots=True)
class ReferenceTable:
    """Where the refs of a noun meet: `columns` are the file's, by `system.word`."""

    noun: str
    path: Path
    columns: Mapping[str, str]


def groups_of(table: ReferenceTable) -> list[tuple[Ref, ...]]:
    """The refs of each row; a row of one names a reference that has no counterpart yet.

    ConfigInvalid for a file that cannot be read, a column it does not have, or a key too long.
    """
    try:
        if table.path.stat().st_size > BYTES_MAX:
            raise ConfigInvalid(f"{table.path}: larger than {BYTES_MAX} bytes; split it")
        with table.path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            _check_columns(table, tuple(rows.fieldnames or ()))
            return list(_groups(table, rows))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigInvalid(f"{table.path}: cannot be read as CSV in UTF-8: {reason}") from error


def _check_columns(table: ReferenceTable, found: tuple[str, ...]) -> None:
    for target, column in table.columns.items():
        if column in found:
            continue
        likely = get_close_matches(column, found, n=1)
        hint = f"; did you mean {likely[0]!r}" if likely else ""
        raise ConfigInvalid(
            f"{table.path}: no column {column!r} for {target}; "
            f"the file has {', '.join(found) or 'no header'}{hint}"
        )


def _groups(table: ReferenceTable, rows: csv.DictReader[str]) -> Iterator[tuple[Ref, ...]]:
    systems = {target.partition(".")[0]: column for target, column in table.columns.items()}
    for count, row in enumerate(rows, start=1):
        if count > ROWS_MAX:
            raise ConfigInvalid(f"{table.path}: more than {ROWS_MAX} rows; split it")
        keys = {system: (row[column] or "").strip() for system, column in systems.items()}
        for system, key in keys.items():
            if len(key) > KEY_LENGTH_MAX or "\0" in key:
                raise ConfigInvalid(
                    f"{table.path}:{rows.line_num}: the key for {system} must be "
                    f"1 to {KEY_LENGTH_MAX} printable characters"
                )
        refs = tuple(Ref(table.noun, system, key) for system, key in keys.items() if key)
        if refs:
            yield refs
