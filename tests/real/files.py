"""Where the public data sets lie, and their rows as text, exactly as the files have them."""

import csv
import lzma
import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TextIO, cast

import pytest

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("OPSHUB_REAL_DATA", PROJECT / ".." / "shared" / "real-data"))

NORTHWIND = FOLDER / "northwind"
ONLINE_RETAIL = FOLDER / "online-retail" / "online_retail.csv.xz"

Row = dict[str, str]

needs_northwind = pytest.mark.skipif(
    not NORTHWIND.is_dir(),
    reason="Northwind is absent: put it in ../shared/real-data or set OPSHUB_REAL_DATA",
)
needs_online_retail = pytest.mark.skipif(
    not ONLINE_RETAIL.is_file(),
    reason="Online Retail is absent: put it in ../shared/real-data or set OPSHUB_REAL_DATA",
)


@cache
def northwind(table: str) -> Sequence[Row]:
    """The rows of one Northwind file (`Orders`, `OrderDetails`, …), in file order."""
    with (NORTHWIND / f"{table}.csv").open(encoding="utf-8", newline="") as text:
        return tuple(csv.DictReader(text))


def online_retail() -> Iterator[Row]:
    """All 541,909 lines in file order, one at a time: as a list they take 400 MB."""
    with cast(TextIO, lzma.open(ONLINE_RETAIL, "rt", encoding="utf-8", newline="")) as text:
        yield from csv.DictReader(text)
