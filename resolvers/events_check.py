"""What a change of the events does to those who read them: breaking changes of the document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_KIND_WORDS = ("type", "format", "pattern", "const", "minItems", "maxItems", "$ref")


def event_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Each breaking change as a sentence; additions are none.

    A type, channel, field or code that is gone; a field of another kind; a field that is told no
    more for certain.
    """
    return [*_gone_messages(old, new), *_gone_channels(old, new), *_schema_changes(old, new)]


def _gone_messages(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = _part(old, "components", "messages"), _part(new, "components", "messages")
    for name, message in before.items():
        if name not in after:
            yield f"event {name} is gone"
        elif message.get("name") != after[name].get("name"):
            yield f"event {name} is now called {after[name].get('name')}"
        for axis in message.get("x-axes", ()):
            if name in after and axis not in after[name].get("x-axes", ()):
                yield f"event {name} tells no changes of {axis} any more"


def _gone_channels(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = _part(old, "channels"), _part(new, "channels")
    for name, channel in before.items():
        if name in after and channel.get("address") != after[name].get("address"):
            yield f"channel {name} is at another address"
        elif name not in after:
            yield f"channel {name} is gone"


def _schema_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = _part(old, "components", "schemas"), _part(new, "components", "schemas")
    for name, schema in before.items():
        if name not in after:
            yield f"schema {name} is gone"
        else:
            yield from _compared(name, schema, after[name])


def _compared(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    changed = [word for word in _KIND_WORDS if old.get(word) != new.get(word)]
    if changed:
        yield f"{path} is of another kind ({', '.join(changed)})"
    if new.get("x-audience") != old.get("x-audience") and "x-audience" in new:
        yield f"{path} is told inside the house only"
    for code in old.get("enum", ()):
        if code not in new.get("enum", ()):
            yield f"{path} has no code {code} any more"
    for name in old.get("required", ()):
        if name not in new.get("required", ()):
            yield f"{path}.{name} is not always told any more"
    after = new.get("properties", {})
    for name, field in old.get("properties", {}).items():
        if name not in after:
            yield f"{path}.{name} is gone"
        else:
            yield from _compared(f"{path}.{name}", field, after[name])
    if isinstance(old.get("items"), Mapping):
        yield from _compared(f"{path}[]", old["items"], new.get("items") or {})


def _part(document: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    part: Any = document
    for name in names:
        part = part.get(name, {}) if isinstance(part, Mapping) else {}
    return part if isinstance(part, Mapping) else {}
