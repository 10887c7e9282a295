"""Templates with `{dotted.names}` in texts of commands: found, and filled without building JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_PLACE = re.compile(r"\{([^{}]*)\}")


def names_in(given: Any) -> Iterator[str]:
    """The names of all places in the texts of a tree, in their order."""
    if isinstance(given, str):
        yield from (found[1] for found in _PLACE.finditer(given))
    elif isinstance(given, Mapping):
        for each in given.values():
            yield from names_in(each)
    elif isinstance(given, list | tuple):
        for each in given:
            yield from names_in(each)


def filled(given: Any, value_of: Callable[[str], Any], text_of: Callable[[str, Any], str]) -> Any:
    """The tree with its places filled.

    A text that is one place becomes the value itself, whatever its type; a place inside of a
    longer text becomes text by `text_of(name, value)`.
    """
    if isinstance(given, str):
        whole = _PLACE.fullmatch(given)
        if whole is not None:
            return value_of(whole[1])
        return _PLACE.sub(lambda found: text_of(found[1], value_of(found[1])), given)
    if isinstance(given, Mapping):
        return {key: filled(each, value_of, text_of) for key, each in given.items()}
    if isinstance(given, list | tuple):
        return [filled(each, value_of, text_of) for each in given]
    return given
