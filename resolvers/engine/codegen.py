"""Generates the loops: for each selection set one Python function that builds all its objects.

A loop reads plain fields from the record, checks leaves inline by their class, builds pure nested
objects and lists in place, and takes the other fields from columns that were resolved before. It
knows only the good case; any exception hands the record to the careful path (`complete.py`).
Only response keys come from the client, and the lexer has limited those to names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resolvers.engine.emit import Emitter
from resolvers.engine.tree import Selection


def generate_rows(selections: list[Selection]) -> tuple[str, Mapping[str, Any]]:
    """Give every selection resolved by column its `rows`; answer the source and the constants."""
    emitter = Emitter()
    resolved = _resolved_apart(selections)
    for selection in resolved:
        emitter.rows_function(selection)
    namespace = dict(emitter.constants)
    exec(compile(emitter.source, "<operation>", "exec"), namespace)
    for selection in resolved:
        selection.rows = namespace[f"rows_{selection.number}"]
    return emitter.source, emitter.constants


def _resolved_apart(selections: list[Selection]) -> list[Selection]:
    """The selections that are resolved by themselves: the root ones, and those under a field whose
    subtree has batched fields. The others are built inside the loops of these."""
    children = {
        child.number: field
        for selection in selections
        for field in selection.fields
        for child in field.children.values()
    }
    return [
        one
        for one in selections
        if one.number not in children or not children[one.number].is_pure_below
    ]
