"""Formats between native and canonical values, each one a pair of functions: parse and render.

A template (`SO-{:0>10}`) renders a canonical key; a moment format (`%Y%m%d %H%M%S` over one or
several columns) parses an instant or a day. Both directions invert each other on what they accept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from string import Formatter
from typing import Any
from zoneinfo import ZoneInfo

from hub.config.vocabulary import OFFSET_ZONE
from sources.numbers import decimal_of, text_of

# A fill and a side, or the leading zero of numbers; then a width, then `d` or `s`.
_SPEC = re.compile(r"(?:(?P<fill>.)?(?P<side>[<>]))?(?P<zero>0)?(?P<width>\d{1,3})?[ds]?")
_DIRECTIVE = re.compile(r"%[%a-zA-Z]")
_TEMPLATE = "one placeholder as in 'SO-{:0>10}'"
# The order in which directives must come so that formatted texts sort as their instants do.
_SORTING_ORDER = ("Y", "m", "d", "H", "M", "S", "f")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCHS = {"epoch_s": 1, "epoch_ms": 1_000}


@dataclass(frozen=True, slots=True)
class Template:
    """A key in a native form: prefix, the key filled up to a width, suffix."""

    prefix: str
    suffix: str
    fill: str = ""
    is_right_aligned: bool = True
    width: int = 0  # characters

    def render(self, key: str) -> str:
        """The native form; ValueError where reading it back would give another key."""
        filled = key
        if self.fill:
            pad = key.rjust if self.is_right_aligned else key.ljust
            filled = pad(self.width, self.fill)
        native = f"{self.prefix}{filled}{self.suffix}"
        if self.invert(native) != key:
            raise ValueError(f"{key!r} has no native form like {self.shape}")
        return native

    def invert(self, native: str) -> str:
        """The key inside a native value; ValueError where it does not have the form."""
        end = len(native) - len(self.suffix)
        has_form = native.startswith(self.prefix) and native.endswith(self.suffix)
        middle = native[len(self.prefix) : end]
        if not has_form or not middle or len(middle) < self.width:
            raise ValueError(f"a value like {self.shape} was expected")
        if not self.fill:
            return middle
        strip = middle.lstrip if self.is_right_aligned else middle.rstrip
        # A key of nothing but the fill keeps one: 0000000000 is order 0, not an empty key.
        return strip(self.fill) or self.fill

    @property
    def shape(self) -> str:
        return f"{self.prefix}{'?' * max(self.width, 1)}{self.suffix}"


def template_of(text: str) -> Template:
    """Compile a `write` format; ValueError with what was expected where it is none."""
    parts = list(Formatter().parse(text))
    places = [part for part in parts if part[1] is not None]
    if len(places) != 1 or places[0][1] != "":
        raise ValueError(f"{text!r}: expected {_TEMPLATE}")
    spec = _SPEC.fullmatch(places[0][2] or "")
    if spec is None:
        raise ValueError(f"{text!r}: expected {_TEMPLATE}")
    at = parts.index(places[0])
    return Template(
        prefix=parts[at][0],
        suffix="".join(part[0] for part in parts[at + 1 :]),
        fill=_fill_of(spec),
        is_right_aligned=spec["side"] != "<",
        width=int(spec["width"] or 0),
    )


def _fill_of(spec: re.Match[str]) -> str:
    if not spec["width"]:
        return ""
    return spec["fill"] or spec["zero"] or " "


class MomentText(str):
    """A formatted part of an instant; in a column of numbers its leading zeros are not kept."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """Instants or days written in one or several native columns.

    `formats` has one entry per column and is empty where the columns hold ISO 8601 or the
    database's own type. `zone` is that of naive values; days need none.
    """

    formats: tuple[str, ...]
    zone: ZoneInfo | None
    epoch: int = 0  # native units per second since 1970; 0 where the columns hold no such count

    @property
    def sorts(self) -> bool:
        """Whether native values sort as their instants do (year first, fixed widths)."""
        found = [word[1] for text in self.formats for word in _DIRECTIVE.findall(text)]
        wanted = [_SORTING_ORDER.index(word) for word in found if word in _SORTING_ORDER]
        return len(wanted) == len(found) and wanted == list(range(len(wanted)))

    def parse(self, natives: Sequence[object]) -> datetime:
        """The instant in UTC; ValueError or TypeError where the columns hold none."""
        if self.epoch:
            return _EPOCH + timedelta(microseconds=int(_count(natives[0]) * 1_000_000 / self.epoch))
        if not self.formats:
            return self._aware(_iso(natives[0]))
        texts = [_padded(each, form) for each, form in zip(natives, self.formats, strict=True)]
        read = datetime.strptime(" ".join(texts), " ".join(self.formats))  # noqa: DTZ007
        return self._aware(read)

    def parse_day(self, natives: Sequence[object]) -> date:
        """The calendar day as the source writes it; an instant's day is that of its zone."""
        if self.epoch:
            return self.parse(natives).astimezone(self.zone or UTC).date()
        if self.formats:
            texts = [_padded(each, form) for each, form in zip(natives, self.formats, strict=True)]
            read = datetime.strptime(" ".join(texts), " ".join(self.formats))  # noqa: DTZ007
            return read.date()  # a day has no zone
        native = natives[0]
        if isinstance(native, date) and not isinstance(native, datetime):
            return native
        moment = _iso(native)
        if moment.tzinfo is not None and self.zone is not None:
            moment = moment.astimezone(self.zone)
        return moment.date()

    def render(self, instant: date) -> tuple[Any, ...]:
        """The native values of an instant or a day, one per column: texts, or a count."""
        local = instant
        if isinstance(instant, datetime):
            if self.epoch:
                return ((instant - _EPOCH) // timedelta(microseconds=1_000_000 // self.epoch),)
            local = self.local(instant)
        return tuple(MomentText(local.strftime(form)) for form in self.formats)

    def local(self, instant: datetime) -> datetime:
        """The naive local time of an instant in the source's zone."""
        return instant.astimezone(self.zone or UTC).replace(tzinfo=None)

    def _aware(self, moment: datetime) -> datetime:
        """UTC of a local time.

        A time that happens twice (clocks go back) is its first occurrence; one that never happens
        (clocks go forward) is read with the offset before the change: 02:30 becomes 03:30.
        """
        if moment.tzinfo is None:
            if self.zone is None:
                raise ValueError("a time without a zone; declare `zone`")
            moment = moment.replace(tzinfo=self.zone, fold=0)
        return moment.astimezone(UTC)


def moment_of(read: str | None, zone: str | None, *, columns: int) -> Moment:
    """Compile a `read` format over a number of columns, whose parts are split at its blanks."""
    zone_info = None if zone in (None, OFFSET_ZONE) else ZoneInfo(zone)
    if read in _EPOCHS:
        return Moment((), zone_info, _EPOCHS[read])
    if read in (None, "iso"):
        if columns != 1:
            raise ValueError("several columns make an instant only with `read`")
        return Moment((), zone_info)
    assert read is not None
    formats = (read,) if columns == 1 else tuple(read.split(" "))
    if len(formats) != columns:
        raise ValueError(f"read {read!r} has {len(formats)} parts for {columns} columns")
    return Moment(formats, zone_info)


def _count(native: object) -> Decimal:
    if isinstance(native, int | Decimal | str) and not isinstance(native, bool):
        return decimal_of(native)
    raise TypeError("a count since 1970 was expected")


def _iso(native: object) -> datetime:
    if isinstance(native, datetime):
        return native
    if isinstance(native, date):
        return datetime(native.year, native.month, native.day)  # noqa: DTZ001 - the field has it
    if not isinstance(native, str):
        raise TypeError("an ISO 8601 text was expected")
    return datetime.fromisoformat(native.strip())


def _padded(native: object, form: str) -> str:
    """A native value as text; a number gets back the leading zeros its column has lost."""
    if isinstance(native, bool) or not isinstance(native, int | Decimal | str):
        raise TypeError(f"text or a number like {form} was expected")
    if isinstance(native, str):
        return native.strip()
    return text_of(native).rjust(_width(form), "0")


def _width(form: str) -> int:
    return len(datetime(2000, 1, 1, tzinfo=UTC).strftime(form))
