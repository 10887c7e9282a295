"""What one warehouse calls its tables, columns and statuses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.demo.database import Row
from hub.demo.life import Kind, Scene


@dataclass(frozen=True, slots=True)
class Kinds:
    """The records of a warehouse that change."""

    shipment: Kind
    stock: Kind
    receipt: Kind
    inspection: Kind
    disposition: Kind


@dataclass(frozen=True, slots=True)
class Words:
    """`names` holds tables and columns by what they mean, for SQL texts with `{such}` places.

    `write` writes an instant; `host_order` the note's order as this warehouse does; `parcel`
    (count of units) what it measures of a parcel; `scan` keeps what the gate saw of a shipment.
    `company` is the column that says whose order it is, where there is one.
    """

    system: str
    kinds: Kinds
    names: Mapping[str, str]
    conditions: Mapping[str, Any]
    verdicts: Mapping[str, Any]
    dispositions: Mapping[str, Any]
    outbound: Any
    inbound: Any
    write: Callable[[datetime], str | None]
    host_order: Callable[[str], str]
    new_number: Callable[[Scene], str]
    new_shipment: Callable[[Row, float], Row]
    scan: Callable[[Scene, Row, str], None]
    company: str | None = None

    def sql(self, text: str) -> str:
        return text.format_map(self.names)

    def of_company(self, row: Row) -> Row:
        """The company column of a row, to be carried over; empty where there is none."""
        return {self.company: row[self.company]} if self.company else {}
