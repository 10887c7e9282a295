"""The values of a command: found by dotted name, put into paths and bodies as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from hub.config.templates import filled
from sources.paths import ABSENT, compile_path

REFERENCE = "external_reference"
RESULT_TEXT_MAX = 1_000  # characters of one result or message kept


class ValueMissing(Exception):
    """A template names a value that the command was not given."""


def value_of(values: Mapping[str, Any], name: str) -> Any:
    """The value under its dotted name, or nested by its parts; None is a value."""
    if name in values:
        return values[name]
    found: Any = values
    for step in name.split("."):
        if not isinstance(found, Mapping) or step not in found:
            raise ValueMissing(name)
        found = found[step]
    return found


def body_of(template: Mapping[str, Any], values: Mapping[str, Any]) -> Any:
    """The body: whole places keep their type, a decimal is text so that no digit is lost."""
    return plain(filled(template, lambda name: value_of(values, name), _inside))


def texts_of(names: frozenset[str], values: Mapping[str, Any]) -> dict[str, list[str]]:
    """The values of a path's places. ValueMissing for one that is absent or empty."""
    texts: dict[str, list[str]] = {}
    for name in sorted(names):
        value = value_of(values, name)
        if value is None or value == "":
            raise ValueMissing(name)
        texts[name] = [str(plain(each)) for each in value] if _is_list(value) else [str(value)]
    return texts


def plain(value: Any) -> Any:
    """As JSON holds it: decimals and what else JSON has no word for as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if _is_list(value):
        return [plain(each) for each in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def extractor(result: Mapping[str, str] | None) -> Callable[[Any], dict[str, Any]]:
    """What the declaration wants of an answer; None where the answer has it not."""
    walks = {name: compile_path(path) for name, path in (result or {}).items()}

    def extract(answer: Any) -> dict[str, Any]:
        return {name: _kept(walk(answer)) for name, walk in walks.items()}

    return extract


def said(answer: Any, path: str | None) -> str | None:
    """The text at a path of an answer, cut; None where there is none."""
    found = ABSENT if path is None else compile_path(path)(answer)
    return None if found is None or found is ABSENT else str(found)[:RESULT_TEXT_MAX]


def _inside(name: str, value: Any) -> str:
    if value is None:
        raise ValueMissing(name)
    return str(plain(value))


def _kept(found: Any) -> Any:
    if found is None or found is ABSENT:
        return None
    return found[:RESULT_TEXT_MAX] if isinstance(found, str) else found


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)
