"""Where something stands in a file, what is wrong there, and which word was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import NamedTuple

from hub.model.errors import ConfigInvalid

Path = tuple[str | int, ...]
"""The way to a node of the file: keys and list indexes from the top."""

_CLOSE_ENOUGH = 0.6  # difflib ratio; below it the proposal is more often wrong than right


class Position(NamedTuple):
    """Line and column count from 1, as editors do."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `message` says what was received; `likely` is a word the file may have meant.

    Without `is_error` it is a note: the file can be used, but something deserves a look. With
    `is_unreachable` the system did not answer, so that nothing else is known of it.
    """

    file: str
    line: int
    column: int
    path: str
    message: str
    expected: str
    likely: str | None = None
    is_error: bool = True
    is_unreachable: bool = False

    def __str__(self) -> str:
        meant = f"; did you mean {self.likely!r}?" if self.likely else ""
        where = f"{self.file}:{self.line}:{self.column}"
        named = f" {self.path}:" if self.path else ""
        kind = "" if self.is_error else " note:"
        return f"{where}:{kind}{named} {self.message}; expected {self.expected}{meant}"


class SystemsFileInvalid(ConfigInvalid):
    """The systems file cannot be used. `problems` holds all of them, in the order of the file.

    Notes are among them, but the message counts errors.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_order(problems)
        count = sum(each.is_error for each in self.problems)
        head = f"the systems file has {count} problem{'s' if count != 1 else ''}"
        super().__init__("\n".join([head, *map(str, self.problems)]))


def problem(
    at: Position, path: Path, message: str, *, expected: str, likely: str | None = None
) -> Problem:
    """A problem at a position; `path` is written with dots, as people say it."""
    return Problem(at.file, at.line, at.column, dotted(path), message, expected, likely)


def note(
    at: Position, path: Path, message: str, *, expected: str, likely: str | None = None
) -> Problem:
    """Something that deserves a look, though the file can be used."""
    found = problem(at, path, message, expected=expected, likely=likely)
    return replace(found, is_error=False)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Problems in the order of the file."""
    return tuple(sorted(problems, key=lambda each: (each.file, each.line, each.column)))


def dotted(path: Path) -> str:
    """`systems.erp.entities.order.key[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def likely_word(received: str, known: Iterable[str]) -> str | None:
    """The known word nearest to what was received, None where none is near."""
    words = sorted(known)
    folded = {word.casefold(): word for word in words}
    near = get_close_matches(received.casefold(), list(folded), n=1, cutoff=_CLOSE_ENOUGH)
    return folded[near[0]] if near else None


_NAMED_MAX = 12  # words; a longer list hides the sentence it stands in


def one_of(known: Iterable[str]) -> str:
    """A list of words for a message, cut where it would be longer than a line."""
    words = sorted(known)
    if len(words) <= _NAMED_MAX:
        return "one of " + ", ".join(words) if words else "nothing here"
    return f"one of {', '.join(words[:_NAMED_MAX])} and {len(words) - _NAMED_MAX} more"


def with_article(word: str) -> str:
    """`a rest`, `an odata`."""
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
