"""From the plain tree to the typed models, with every mistake of form at its place in the file."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hub.config.documents import Document
from hub.config.includes import INCLUDE
from hub.config.problems import Path, likely_word, one_of
from hub.config.specs import BY, KEY_REQUEST, EntitySpec, SystemsFile

ROUNDS_MAX = 20  # each round removes what the one before refused; a chain is never this long
_SHOWN_MAX = 60  # characters of a received value
_SECRET_WORDS = frozenset({"url", "auth", "secret", "headers"})
_INTERNAL = frozenset({"name", "noun", "by"})


def build(document: Document) -> tuple[SystemsFile | None, frozenset[Path]]:
    """The models of all that is well formed, and the paths left out because they are not.

    Each mistake is in the document's problems. None where nothing could be built.
    """
    tree, removed = copy.deepcopy(document.tree), set[Path]()
    if not isinstance(tree, dict):
        if not document.problems:
            document.report((), "not a mapping", expected="version: 1 and systems:")
        return None, frozenset()
    for _ in range(ROUNDS_MAX):
        try:
            return SystemsFile.model_validate(tree), frozenset(removed)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
        for each in found:
            path = _path_in(tree, each["loc"])
            if not _is_under(_blamed(each, path), removed):
                _report(document, each, path)
            removed.add(_cut(tree, each, path))
        if () in removed:
            break
    return None, frozenset(removed)


def _blamed(error: ErrorDetails, path: Path) -> Path:
    return (*path, error["loc"][-1]) if error["type"] == "missing" else path


def _is_under(path: Path, removed: set[Path]) -> bool:
    return any(path[: len(each)] == each or each[: len(path)] == path for each in removed)


def _path_in(tree: Any, loc: tuple[int | str, ...]) -> Path:
    """The part of pydantic's way that exists in the file, in the file's own words."""
    node, path = tree, list[int | str]()
    parts = list(loc)
    while parts:
        part = parts.pop(0)
        if part == "[key]":
            break
        part = _as_written(node, part, parts)
        if not _has(node, part):
            break
        node = node[part]
        path.append(part)
    return tuple(path)


def _has(node: Any, part: int | str) -> bool:
    if isinstance(node, dict):
        return part in node
    return isinstance(node, list) and isinstance(part, int) and part < len(node)


def _as_written(node: Any, part: int | str, rest: list[int | str]) -> int | str:
    if part == "by" and rest and isinstance(node, dict):
        return f"{BY}{rest.pop(0)}"
    if part == "column" and isinstance(node, dict) and "column" not in node and "path" in node:
        return "path"
    return part


def _report(document: Document, error: ErrorDetails, path: Path) -> None:
    kind, context = error["type"], error.get("ctx", {})
    last = error["loc"][-1] if error["loc"] else ""
    if kind == "extra_forbidden":
        known = _words_of(error["loc"][:-1])
        document.report_key(
            path, f"unknown word {last!r}", expected=one_of(known),
            likely=likely_word(str(last), known),
        )  # fmt: skip
    elif kind == "missing":
        document.report_key(path, f"no {last!r}", expected=f"{last!r} here")
    else:
        likely = _likely_member(document, path, context)
        expected = _expected(error, context)
        document.report(
            path, f"received {_shown(document, path)}", expected=expected, likely=likely
        )


def _expected(error: ErrorDetails, context: Mapping[str, Any]) -> str:
    match error["type"]:
        case "wrong":
            return str(context["expected"])
        case "literal_error":
            return f"one of {context['expected'].replace(chr(39), '')}"
        case "string_type":
            return "text"
        case "string_pattern_mismatch":
            return _PATTERNS.get(context["pattern"], f"text that matches {context['pattern']}")
        case "model_type" | "dict_type" | "model_attributes_type" | "mapping_type":
            return "a mapping of words"
        case "tuple_type" | "list_type":
            return "a list"
        case "int_parsing" | "int_type" | "int_from_float":
            return "a whole number"
        case "bool_parsing" | "bool_type":
            return "true or false"
        case "too_short":
            return f"at least {context['min_length']}"
        case "too_long":
            return f"at most {context['max_length']}"
    message = error["msg"].removeprefix("Input should be ")
    return message[:1].lower() + message[1:]


_PATTERNS = {
    r"^/": "a path that begins with /",
    r"^[A-Z]{3}$": "an ISO 4217 currency such as EUR",
    r"^[A-Z0-9]{2,3}$": "a UN/ECE unit code such as EA or KGM, { column: ... } or item",
    r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$": "module:function",
}


def _shown(document: Document, path: Path) -> str:
    """The value as it stands in the file, without anything that may be a secret."""
    value = document.written(path)
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if _SECRET_WORDS.intersection(path) and "${" not in value:
        return "a value that is not shown"
    return repr(str(value)[:_SHOWN_MAX])


def _likely_member(document: Document, path: Path, context: Mapping[str, Any]) -> str | None:
    value = document.written(path)
    if not isinstance(value, str) or "'" not in str(context.get("expected", "")):
        return None
    known = str(context["expected"]).split("'")[1::2]
    return likely_word(value, known)


_STAND_INS: dict[str, Any] = {
    "key": "?", "url": "?", "role": "erp", "kind": "sql", "get": "/", "path": "/", "column": "?",
    "version": "1", "order_by": "?", "every": "1s", "overlap": "1s", "settles_within": "1s",
    "reference_unique": "true", "user": "?", "password": "?", "entity": "order", "header": "?",
}  # fmt: skip
"""What takes the place of something missing, so that the rest is still looked at."""


def _cut(tree: dict[str, Any], error: ErrorDetails, path: Path) -> Path:
    """Take out the refused node, or stand in for the missing one; the path that is not checked."""
    last = str(error["loc"][-1]) if error["loc"] else ""
    node = _node(tree, path)
    if error["type"] == "missing" and last in _STAND_INS and isinstance(node, dict):
        node[last] = _STAND_INS[last]
        return (*path, last)
    above = _node(tree, path[:-1])
    if path and isinstance(above, dict):
        above.pop(path[-1], None)
        return path
    if path:
        return _cut(tree, error, path[:-1])
    tree.clear()
    return ()


def _node(tree: Any, path: Path) -> Any:
    node = tree
    for part in path:
        if not _has(node, part):
            return None
        node = node[part]
    return node


def _words_of(loc: tuple[int | str, ...]) -> list[str]:
    """The words the model at this way knows, as they are written."""
    model: Any = SystemsFile
    for part in loc:
        model = _inside(model, part)
        if model is None:
            return []
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    words = [each.alias or name for name, each in model.model_fields.items()]
    if model is EntitySpec:
        words += [KEY_REQUEST, f"{BY}<field>"]
    if model is SystemsFile:
        words.append(INCLUDE)
    return sorted({word for word in words if word not in _INTERNAL})


def _inside(model: Any, part: int | str) -> Any:
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, each in model.model_fields.items():
            if part in (name, each.alias):
                return _bare(each.annotation)
        return None
    arguments = get_args(model)
    return _bare(arguments[-1]) if arguments and get_origin(model) is dict else None


def _bare(annotation: Any) -> Any:
    """The type without None and Annotated."""
    origin = get_origin(annotation)
    if origin is None or origin is dict:
        return annotation
    for each in get_args(annotation):
        if each is not type(None):
            return _bare(each)
    return annotation
