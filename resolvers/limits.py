"""The document guard: what a document and its variables may be, checked before validation.

Validation is quadratic and expands fragments, so whatever could make it slow is refused before it:
the text by its length, the tokens while they are lexed, the parsed document by one walk
(`limits_walk.py`), variables before they are coerced. Each breach is a DocumentTooLarge that names
its limit. Worst measured without them: 900 mentions of one field take validation 80 ms, an object
of 655 members 150 ms, 2,000 tokens of doubled fragments minutes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import DocumentNode, GraphQLSyntaxError, parse
from strawberry.utils.str_converters import to_camel_case

from hub.model.errors import DocumentTooLarge

# How graphql-core's parser says that it has stopped, and at which limit of ours.
_STOPPED = (
    ("tokens", re.compile(r"Syntax Error: Document contains more than \d+ tokens\.")),
    ("comments", re.compile(r"Syntax Error: Document contains more than \d+ comments\.")),
    ("nesting", re.compile(r"Syntax Error: Document is nested too deeply\b")),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of each; counts are of the whole document after its fragments are expanded."""

    characters: int = 50_000  # of the document's text; an order query has under 5,000
    tokens: int = 2_000
    comments: int = 200
    operations: int = 5
    fragments: int = 50
    variables: int = 64  # declared
    depth: int = 12  # fields inside one another
    nesting: int = 48  # selection sets inside one another, through fragments
    fields: int = 1_000  # inline fragments and spreads too
    root_fields: int = 20  # of one operation
    aliases: int = 30
    directives: int = 50
    comparisons: int = 5_000  # pairs of mentions of one response key, and values in each
    page_size: int = 100  # records; the arguments `first` and `last`
    arguments: int = 30  # of one field or directive
    list_items: int = 500  # values of one list, in the document or its variables
    object_values: int = 30  # inside one object, nested ones too; no input has more than 2
    object_characters: int = 2_000  # of one object's text in the document
    input_values: int = 2_000  # values in all variables of a request, lists and objects counted
    introspection_depth: int = 20  # fields; the standard query has 15 levels
    introspection_fields: int = 300  # the standard query has 220
    introspection_lists: int = 2  # lists of types, fields, … inside one another
    introspection_aliases: int = 5

    def check(self, name: str, received: int) -> None:
        """Raise DocumentTooLarge where more was received than the limit of that name allows."""
        allowed: int = getattr(self, name)
        if received > allowed:
            raise DocumentTooLarge(to_camel_case(name), received, allowed=allowed)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the guard has learnt of a document. `page_variables` are those that size a page."""

    introspects: bool
    page_variables: frozenset[str]


def parse_within(source: str, limits: Limits) -> DocumentNode:
    """The parsed document; DocumentTooLarge, or GraphQLSyntaxError where it is no GraphQL."""
    limits.check("characters", len(source))
    try:
        return parse(source, max_lexical_tokens=limits.tokens, max_comments=limits.comments)
    except GraphQLSyntaxError as error:
        exceeded = _exceeded(error.message)
        if exceeded is None:
            raise
    # Raised here, so that the cached refusal does not hold on to the parser.
    allowed: int = getattr(limits, exceeded)
    raise DocumentTooLarge(exceeded, allowed + 1, allowed=allowed)


def _exceeded(message: str) -> str | None:
    """The limit at which the parser has stopped; None for a mistake of the document."""
    return next((limit for limit, text in _STOPPED if text.match(message)), None)


def check_inputs(inputs: Mapping[str, Any], limits: Limits) -> None:
    """Bound the variables as they came, before coercion walks them; raises DocumentTooLarge."""
    seen, waiting = 0, [inputs.values()]
    while waiting:
        values = waiting.pop()
        seen += len(values)
        limits.check("input_values", seen)
        for value in values:
            if isinstance(value, list):
                limits.check("list_items", len(value))
                waiting.append(value)  # type: ignore[arg-type]  # a sized iterable like the others
            elif isinstance(value, dict):
                waiting.append(value.values())


def check_pages(shape: Shape, coerced: Mapping[str, Any], limits: Limits) -> None:
    """Bound the page sizes that came as variables, defaults included; raises DocumentTooLarge."""
    for name in shape.page_variables:
        size = coerced.get(name)
        if isinstance(size, int):
            limits.check("page_size", size)
