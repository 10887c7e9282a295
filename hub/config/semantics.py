"""What the words of a systems file mean, checked against the canonical model."""

from __future__ import annotations

from hub.config.documents import Document
from hub.config.problems import Path
from hub.config.specs import SystemsFile


def check_meaning(systems: SystemsFile, document: Document, left_out: frozenset[Path]) -> None:
    """Add every mistake of meaning to the document's problems."""
