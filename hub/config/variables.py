"""`${VAR}`, `${VAR:-default}` and `${file:/run/secrets/x}`, put in after the file is composed.

They stand only where no secret can leak from: urls, credentials, secrets (never shown themselves)
and limits. A value that came from a variable is never part of a message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from hub.config.documents import Document, PlainText
from hub.config.problems import Path, likely_word

SECRET_BYTES_MAX = 65_536  # bytes; a private key is about 3,000
_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_FILE = "file:"
_ALLOWED_UNDER = frozenset({"url", "auth", "limits", "secret", "headers"})


def expand_variables(document: Document, environ: Mapping[str, str]) -> None:
    """Expand every scalar in place; what cannot be expanded becomes a problem at its position."""
    document.tree = _expand(document, document.tree, (), environ)


def _expand(document: Document, value: Any, path: Path, environ: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _expand(document, each, (*path, key), environ) for key, each in value.items()}
    if isinstance(value, list):
        return [
            _expand(document, each, (*path, index), environ) for index, each in enumerate(value)
        ]
    if not isinstance(value, str) or "${" not in value:
        return value
    if not _ALLOWED_UNDER.intersection(path):
        expected = "${...} only under url, auth, limits, secret or headers"
        document.report(path, "a ${...} where it would be shown", expected=expected)
        return value
    return _expanded_text(document, value, path, environ)


def _expanded_text(document: Document, text: str, path: Path, environ: Mapping[str, str]) -> str:
    parts: list[str] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        parts += [text[end : found.start()], _value_of(document, found[1], path, environ)]
        end = found.end()
    rest = text[end:]
    if "${" in rest:
        document.report(path, "a ${ without its }", expected="${NAME} or ${NAME:-default}")
    expanded = "".join([*parts, rest])
    return PlainText(expanded) if isinstance(text, PlainText) else expanded


def _value_of(document: Document, inside: str, path: Path, environ: Mapping[str, str]) -> str:
    if inside.startswith(_FILE):
        return _file_text(document, inside.removeprefix(_FILE), path)
    found = _NAME.fullmatch(inside)
    if found is None:
        document.report(path, f"${{{inside[:80]}}} names no variable",
                        expected="${NAME}, ${NAME:-default} or ${file:/path}")  # fmt: skip
        return ""
    name, default = found[1], found[2]
    value = environ.get(name)
    if value or (value is not None and default is None):
        return value
    if default is None:
        document.report(path, f"the variable {name} is not set",
                        expected="it in the environment, or ${NAME:-default}",
                        likely=likely_word(name, environ))  # fmt: skip
        return ""
    return default


def _file_text(document: Document, name: str, path: Path) -> str:
    """The file's text without its last line end, as secret mounts are written."""
    try:
        content = FilePath(name).read_bytes()
        if len(content) > SECRET_BYTES_MAX:
            raise ValueError
        return content.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        document.report(path, f"the secret's file {name} cannot be read ({error.strerror})",
                        expected="a readable file")  # fmt: skip
    except ValueError:
        document.report(path, f"the secret's file {name} holds no secret",
                        expected=f"UTF-8 text of at most {SECRET_BYTES_MAX} bytes")  # fmt: skip
    return ""
