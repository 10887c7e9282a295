"""What one ERP calls its tables, columns and statuses, so that one table of moves serves both."""

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from hub.demo.database import Row
from hub.demo.life import Kind, Scene, Then

CODE = re.compile(r"@(\w+)\.(\w+)@")


@dataclass(frozen=True, slots=True)
class Kinds:
    """The records of an ERP that change."""

    order: Kind
    line: Kind
    invoice: Kind
    memo: Kind
    rma: Kind
    customer: Kind


@dataclass(frozen=True, slots=True)
class Forms:
    """How the ERP fills the columns that only it has.

    `identity` gives a new record of a kind its key and number; `placed` and `posted` the date
    columns of a new order and document; `amounts` (net, tax) and `invoice` what an invoice has
    besides; `bill` completes an invoice line; `memo` is (return, invoice, amount).
    """

    wall: Callable[[datetime], str | None]
    day: Callable[[date], str | None]
    identity: Callable[[sqlite3.Connection, str], Row]
    placed: Callable[[datetime], Row]
    posted: Callable[[datetime], Row]
    amounts: Callable[[Decimal, Decimal], Row]
    invoice: Callable[[], Row]
    bill: Callable[[Row, Row], Row]
    memo: Callable[[Row, Row, Decimal], Row]


@dataclass(frozen=True, slots=True)
class Words:
    """`names` holds tables and columns by what they mean, for SQL texts with `{such}` places.

    `codes` holds the code lists that are no statuses, by topic; `yes` and `no` are SQL literals;
    `applied` are the columns set when a credit memo is applied; `warehouses` those that ship.
    """

    company: str
    kinds: Kinds
    names: Mapping[str, str]
    codes: Mapping[str, Mapping[str, Any]]
    forms: Forms
    yes: str
    no: str
    applied: Mapping[str, str]
    warehouses: tuple[str, ...]

    def sql(self, text: str) -> str:
        """The text with this ERP's names for `{names}`, and its codes for `@kind.WORD@`."""

        def code(found: re.Match[str]) -> str:
            kind: Kind = getattr(self.kinds, found[1])
            return f"'{kind.codes[found[2]]}'"

        return CODE.sub(code, text).format_map(self.names)


Deed = Callable[[Words, Scene, Row], None]


def taking(words: Words, deed: Deed) -> Then:
    """The deed in the words of that ERP."""
    return lambda scene, row: deed(words, scene, row)
