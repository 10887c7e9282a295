"""From the plain tree to the typed models, with every mistake of form at its place in the file."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hub.config.documents import Document
from hub.config.problems import Path, likely_word, one_of, problem
from hub.config.specs import BY, KEY_REQUEST, EntitySpec, SystemsFile

ROUNDS_MAX = 20  # each round removes what the one before refused; a chain is never this long
_SHOWN_MAX = 60  # characters of a received value
_SECRET_WORDS = frozenset({"url", "auth"})
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
    for turn in range(ROUNDS_MAX):
        try:
            return SystemsFile.model_validate(tree), frozenset(removed)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
        for each in found:
            path = _path_in(tree, each["loc"])
            if not _is_under(path, removed):
                _report(document, each, path)
            removed.add(_cut(tree, each, path))
        if turn and () in removed:
            break
    return None, frozenset(removed)


def _is_under(path: Path, removed: set[Path]) -> bool:
    return any(path[: len(each)] == each or each[: len(path)] == path for each in removed)


def _path_in(tree: Any, loc: tuple[int | str, ...]) -> Path:
    """The part of pydantic's way that exists in the file, in the file's own words."""
    node, path = tree, []
    parts = list(loc)
    while parts:
        part = parts.pop(0)
        if part == "[key]":
            break
        part = _as_written(node, part, parts)
        if (isinstance(node, dict) and part in node) or (isinstance(node, list) and isinstance(part, int) and part < len(node)):
            node = node[part]
        else:
            break
        path.append(part)
    return tuple(path)


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
        document.problems.append(
            problem(
                document.where_key(path),
                path,
                f"unknown word {last!r}",
                expected=one_of(known),
                likely=likely_word(str(last), known),
            )  # fmt: skip
        )
    elif kind == "missing":
        at = document.where_key(path)
        document.problems.append(problem(at, path, f"no {last!r}", expected=f"{last!r} here"))
    else:
        likely = _likely_member(document, path, context)
        document.report(path, f"received {_shown(document, path)}",
                        expected=_expected(error, context), likely=likely)  # fmt: skip


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
    message = error["msg"]
    return message[:1].lower() + message[1:].removeprefix("nput should be ")


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


def _cut(tree: dict[str, Any], error: ErrorDetails, path: Path) -> Path:
    """Remove the refused node (for something missing: the node that lacks it); its path."""
    if not path:
        repaired = {"version": "1"} if error["loc"][:1] == ("version",) else {}
        tree.update(repaired)
        return ("version",) if repaired else ()
    node: Any = tree
    for part in path[:-1]:
        if part not in node if isinstance(node, dict) else not isinstance(node, list):
            return path
        node = node[part]
    if isinstance(node, dict):
        node.pop(path[-1], None)
        if path == ("version",):
            tree["version"] = "1"
        return path
    return _cut(tree, error, path[:-1])


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
