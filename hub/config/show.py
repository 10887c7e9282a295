"""What the hub has understood, for `opshub config show`: every default visible, no secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from hub.config.settings import SECRET_SETTINGS, Settings, variable
from hub.config.specs import SystemsFile
from hub.config.systems import FieldSpec

HIDDEN = "(hidden)"
_CREDENTIALS = re.compile(r"(?<=://)[^?\s]*@")
_QUERY = re.compile(r"\?.*$", re.DOTALL)


def shown_settings(settings: Settings) -> dict[str, Any]:
    """Each variable with the value in force; of urls only what is no credential."""
    values = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {
        variable(name): _url(each) if name in SECRET_SETTINGS and each else _plain(each)
        for name, each in values.items()
    }


def settings_as_text(settings: Mapping[str, Any]) -> str:
    """`NAME=value` a line, as an environment file has it; nothing after = where nothing is set."""
    return "\n".join(f"{name}={_as_variable(each)}" for name, each in settings.items())


def _as_variable(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def shown(systems: SystemsFile) -> dict[str, Any]:
    """The systems file as understood: includes merged, short forms spelt out, secrets hidden."""
    return {
        "version": systems.version,
        "systems": {name: _parts(each) for name, each in systems.systems.items()},
        "cross_references": {name: _parts(each) for name, each in systems.cross_references.items()},
        "deliveries": {name: _parts(each) for name, each in systems.deliveries.items()},
    }


def _parts(node: Any) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for name, field in type(node).model_fields.items():
        value = getattr(node, name)
        if value is None or (isinstance(node, FieldSpec) and value == field.default):
            continue
        parts[field.alias or name] = (
            _url(value.get_secret_value()) if name == "url" else _plain(value)
        )
    return parts


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if hasattr(type(value), "model_fields"):
        return _parts(value)
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def _url(url: str) -> str:
    """A url without user, password and query."""
    return _QUERY.sub("", _CREDENTIALS.sub("", url))
