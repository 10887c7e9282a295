"""Request templates: `/shipments?ids={keys|csv}` compiled once, every value percent-encoded.

A query parameter whose placeholder has no value is left out; a path's must have one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

_PLACEHOLDER = re.compile(r"\{([\w.]+)(\|csv)?\}")
_DOT_SEGMENTS = frozenset({".", ".."})  # a path segment no encoding keeps apart from its meaning


class NoSuchPath(Exception):
    """A value that can be no segment of a path: nothing is there, so nothing is asked."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Literal text and placeholders by turns: text, (name, is_csv), text, …"""

    texts: tuple[str, ...]
    places: tuple[tuple[str, bool], ...]

    def render(self, values: Mapping[str, Sequence[str]]) -> str | None:
        """The text with its values, None where one of them is absent."""
        made = self.texts[0]
        for (name, is_csv), text in zip(self.places, self.texts[1:], strict=True):
            given = values.get(name)
            if not given:
                return None
            # The comma between values stays a comma; a comma inside one becomes %2C.
            made += (
                ",".join(quote(each, safe="") for each in given)
                if is_csv
                else quote(given[0], safe="")
            )
            made += text
        return made


@dataclass(frozen=True, slots=True)
class Template:
    """`csv` are the placeholders that take several values, `single` those that take one."""

    path: _Part
    query: tuple[_Part, ...]
    single: frozenset[str]
    csv: frozenset[str]
    text: str

    def render(self, values: Mapping[str, Sequence[str]]) -> str:
        """The path and query of one request; NoSuchPath where a value can be no path segment."""
        in_path = [value for name, _ in self.path.places for value in values.get(name, ())]
        if any(value in _DOT_SEGMENTS or "\0" in value for value in in_path):
            raise NoSuchPath
        path = self.path.render(values)
        if path is None:
            raise NoSuchPath
        pairs = [made for each in self.query if (made := each.render(values)) is not None]
        return f"{path}?{'&'.join(pairs)}" if pairs else path


def compile_template(text: str) -> Template:
    """A template as the systems file has it under `get`."""
    path, _, query = text.partition("?")
    parts = [_part(path), *(_part(pair) for pair in query.split("&") if pair)]
    places = [place for part in parts for place in part.places]
    return Template(
        parts[0],
        tuple(parts[1:]),
        frozenset(name for name, is_csv in places if not is_csv),
        frozenset(name for name, is_csv in places if is_csv),
        path,
    )


def _part(text: str) -> _Part:
    pieces = _PLACEHOLDER.split(text)
    names = zip(pieces[1::3], pieces[2::3], strict=True)
    return _Part(tuple(pieces[0::3]), tuple((name, _is_csv(name, csv)) for name, csv in names))


def _is_csv(name: str, csv: str | None) -> bool:
    """Whether several values go there: `{keys|csv}`, or a list's `{status.in}`."""
    return csv is not None or name.endswith((".in", ".notIn"))
