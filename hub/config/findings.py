"""Where the checks of meaning look, and how they report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.config.documents import Document
from hub.config.problems import Path, dotted, likely_word, note, one_of
from hub.config.specs import EntitySpec, SystemsFile, SystemSpec
from hub.model.catalog import NOUNS
from hub.model.record import Field, fields_of


@dataclass(frozen=True, slots=True)
class Findings:
    """Collects mistakes of meaning; silent about what a mistake of form has already taken out."""

    systems: SystemsFile
    document: Document
    left_out: frozenset[Path]
    declared: Mapping[str, frozenset[str]]
    """The nouns each system declares in the file, well formed or not."""
    reported: frozenset[str]
    """The nodes, as dotted paths, that have a problem of form: their meaning is not judged."""

    def is_left_out(self, path: Path) -> bool:
        """Whether this node, a part of it, or a node around it is already reported."""
        return any(path[: len(each)] == each or each[: len(path)] == path for each in self.left_out)

    def value(self, path: Path, message: str, *, expected: str, likely: str | None = None) -> None:
        """A problem with a value."""
        if not self.is_left_out(path) and dotted(path) not in self.reported:
            self.document.report(path, message, expected=expected, likely=likely)

    def key(self, path: Path, message: str, *, expected: str, likely: str | None = None) -> None:
        """A problem with a key, or with something its value lacks."""
        if not self.is_left_out(path):
            self.document.report_key(path, message, expected=expected, likely=likely)

    def note(self, path: Path, message: str, *, expected: str, likely: str | None = None) -> None:
        """Something about a value that deserves a look, though the file can be used."""
        if not self.is_left_out(path) and dotted(path) not in self.reported:
            at = self.document.where(path)
            found = note(at, path, message, expected=expected, likely=likely)
            self.document.problems.append(found)

    def note_key(self, path: Path, message: str, *, expected: str) -> None:
        """Something about a key that deserves a look, though the file can be used."""
        if not self.is_left_out(path):
            found = note(self.document.where_key(path), path, message, expected=expected)
            self.document.problems.append(found)

    def known_system(self, path: Path, system: str) -> bool:
        """Whether the file declares the system; a problem where it does not."""
        if system in self.declared:
            return True
        self.value(path, f"unknown system {system!r}", expected=one_of(self.declared),
                   likely=likely_word(system, self.declared))  # fmt: skip
        return False


@dataclass(frozen=True, slots=True)
class Place:
    """The entity whose fields are checked. `around` is the noun whose record holds or owns it."""

    system: SystemSpec
    entity: EntitySpec
    noun: str
    path: Path
    around: str | None

    @property
    def fields(self) -> Mapping[str, Field]:
        return fields_of(NOUNS[self.noun])


def declared_nouns(document: Document) -> dict[str, frozenset[str]]:
    """The nouns of each system as they stand in the file."""
    systems = document.tree.get("systems") if isinstance(document.tree, dict) else None
    if not isinstance(systems, dict):
        return {}
    return {name: frozenset(_entities(system)) for name, system in systems.items()}


def _entities(system: object) -> list[str]:
    entities = system.get("entities") if isinstance(system, dict) else None
    return list(entities) if isinstance(entities, dict) else []
