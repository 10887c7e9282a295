"""YAML read with a position for every node: PyYAML's node tree, never its guesses of types.

Scalars stay the text that stands in the file, so `10` is "10" and `NO` is "NO"; what a scalar means
is decided by the field that holds it. A plain `null`, `~` or nothing is None.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

import yaml

from hub.config.problems import Path, Position, Problem, problem

INCLUDES_MAX = 50  # files; more is a loop nobody meant
FILE_BYTES_MAX = 2_000_000  # bytes; a systems file of 200 entities is about 200,000
DEPTH_MAX = 30  # levels; the vocabulary needs 12
NODES_MAX = 50_000  # values, aliases written out; the demo's six systems are 4,500
_EMPTY = frozenset({"", "~", "null", "Null", "NULL"})


class PlainText(str):
    """A scalar that was written without quotes; only a command's body reads it as JSON would."""

    __slots__ = ()


@dataclass
class Document:
    """A tree of dict, list, text and None, with the position of every key and every value."""

    tree: Any
    values_at: dict[Path, Position] = field(default_factory=dict)
    keys_at: dict[Path, Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _written: Any = None

    def keep_written(self) -> None:
        """Keep the tree as it stands in the files, for messages, before variables are put in."""
        self._written = self.tree

    def written(self, path: Path) -> Any:
        """The value as it stands in the file; None where there is none."""
        node = self._written
        for part in path:
            inside = isinstance(node, dict) and part in node
            if not inside and not (isinstance(node, list) and isinstance(part, int)):
                return None
            node = node[part]
        return node

    def where(self, path: Path) -> Position:
        """The value's position, or that of the nearest node above that stands in the file."""
        return self._nearest(path, self.values_at)

    def where_key(self, path: Path) -> Position:
        """The key's position, or the value's where it has none (a list element)."""
        return self.keys_at.get(path) or self.where(path)

    def _nearest(self, path: Path, known: dict[Path, Position]) -> Position:
        for length in range(len(path), -1, -1):
            at = known.get(path[:length])
            if at is not None:
                return at
        return Position("", 1, 1)

    def report(self, path: Path, message: str, *, expected: str, likely: str | None = None) -> None:
        """Add a problem with the value at this path."""
        at = self.where(path)
        self.problems.append(problem(at, path, message, expected=expected, likely=likely))

    def report_key(
        self, path: Path, message: str, *, expected: str, likely: str | None = None
    ) -> None:
        """Add a problem with the key at this path, or with what its value lacks."""
        at = self.where_key(path)
        self.problems.append(problem(at, path, message, expected=expected, likely=likely))


def read_document(file: FilePath, *, name: str) -> Document:
    """One YAML file; `name` is how messages call it. Mistakes are in `problems`, never raised."""
    document = Document(None)
    top = Position(name, 1, 1)
    document.values_at[()] = top
    root = _compose(file, document, top)
    if root is not None:
        document.tree = _Reader(document, name).value(root, ())
    return document


def _compose(file: FilePath, document: Document, top: Position) -> yaml.Node | None:
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            document.report((), "the file is too large", expected=f"{FILE_BYTES_MAX} bytes at most")
            return None
        text = file.read_text(encoding="utf-8")
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        document.report((), f"cannot be read ({error.strerror})", expected="a readable YAML file")
    except UnicodeDecodeError as error:
        document.report((), f"byte {error.start} is not UTF-8", expected="a YAML file in UTF-8")
    except RecursionError:
        document.report((), "too deeply nested", expected=f"{DEPTH_MAX} levels at most")
    except yaml.MarkedYAMLError as error:
        document.problems.append(_not_yaml(error, top, text))
    except yaml.YAMLError as error:
        document.report((), f"not YAML: {str(error).splitlines()[0]}", expected="a YAML file")
    return None


def _not_yaml(error: yaml.MarkedYAMLError, top: Position, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    at = Position(top.file, mark.line + 1, mark.column + 1) if mark else top
    opened = _unquoted_variable(text.splitlines(), mark) if mark else None
    if opened is not None:
        at = Position(top.file, at.line, opened + 1)
        return problem(
            at, (), "an unquoted ${...} inside braces", expected='quotes around it: "${NAME}"'
        )
    return problem(at, (), f"not YAML: {error.problem or error.context}", expected="valid YAML")


def _unquoted_variable(lines: list[str], mark: yaml.Mark) -> int | None:
    """Where the `${` stands that YAML has stumbled over, None where it was something else."""
    line = lines[mark.line] if mark.line < len(lines) else ""
    if line.startswith("${", mark.column - 1):
        return mark.column - 1
    return _opened_in_braces(line)


def _opened_in_braces(line: str) -> int | None:
    """Where a `${` stands outside of quotes after an opening brace, None where none does."""
    quote, depth = "", 0
    for index, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif depth and line.startswith("${", index):
            return index
        elif letter in "{}":
            depth += 1 if letter == "{" else -1
    return None


class _Reader:
    """Turns nodes into values and notes where each stood."""

    def __init__(self, document: Document, name: str) -> None:
        self._document = document
        self._name = name
        self._nodes = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            return None
        if self._nodes == NODES_MAX:
            self._document.report(path, "too much", expected=f"{NODES_MAX} values at most")
        self._document.values_at[path] = self._at(node)
        if len(path) > DEPTH_MAX:
            self._document.report(path, "too deep", expected=f"{DEPTH_MAX} levels at most")
            self._nodes = NODES_MAX  # nothing more is read: such a tree has no end
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(each, (*path, index)) for index, each in enumerate(node.value)]
        if isinstance(node, yaml.ScalarNode) and node.style is None:
            return None if node.value in _EMPTY else PlainText(node.value)
        return str(node.value)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in found:
                first = self._document.keys_at[(*path, key)]
                self._report(key_node, (*path, key), f"{key!r} a second time",
                             f"each key once (first at line {first.line})")  # fmt: skip
                continue
            self._document.keys_at[(*path, key)] = self._at(key_node)
            found[key] = self.value(value_node, (*path, key))
        return found

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self._report(node, path, "a key that is a list or a mapping", "a word as key")
            return None
        if node.value == "<<" and node.style is None:
            self._report(node, path, "a merge key '<<'", "the keys written out, or an anchor alone")
            return None
        return str(node.value)

    def _report(self, node: yaml.Node, path: Path, message: str, expected: str) -> None:
        self._document.problems.append(problem(self._at(node), path, message, expected=expected))

    def _at(self, node: yaml.Node) -> Position:
        return Position(self._name, node.start_mark.line + 1, node.start_mark.column + 1)
