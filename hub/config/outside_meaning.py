"""What a systems file names outside of itself: import files and Python functions."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path as FilePath

from hub.config.findings import Findings
from hub.config.problems import Path, likely_word, one_of


def check_python(findings: Findings, path: Path, named: str) -> None:
    """`module:function` can be imported here and called."""
    module, _, name = named.partition(":")
    expected = "module:function that this Python can import"
    try:
        function = getattr(import_module(module), name)
    except Exception as error:  # the module is anybody's code, and runs here
        findings.value(path, f"{named!r} cannot be imported ({error})", expected=expected)
        return
    if not callable(function):
        findings.value(path, f"{named!r} cannot be called", expected=expected)


def check_table_file(
    findings: Findings, path: Path, table: str, columns: Mapping[str, str]
) -> None:
    """The CSV file is there, beside the systems file, and its header has the columns."""
    file = FilePath(findings.document.where(("version",)).file).parent / table
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            header = next(csv.reader(opened, strict=True), [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no CSV in UTF-8"
        findings.value((*path, "table"), f"{table} cannot be read ({reason})",
                       expected="a CSV file with a header, beside this file")  # fmt: skip
        return
    for target, column in columns.items():
        if column not in header:
            findings.value((*path, "columns", target), f"{table} has no column {column!r}",
                           expected=one_of(header), likely=likely_word(column, header))  # fmt: skip
