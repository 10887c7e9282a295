"""The systems file as frozen, typed models: what `systems.py` loads and `sources/` reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, SecretStr
from pydantic import model_validator as check_model
from pydantic_core import PydanticCustomError

from hub.config import formats
from hub.config.command_specs import CommandSpec
from hub.config.connection_specs import AuthSpec, Request
from hub.config.delivery_specs import DeliverySpec
from hub.config.documents import Document
from hub.config.event_specs import ChangesSpec, EventsSpec
from hub.config.field_specs import (
    AttributeSpec,
    Columns,
    FieldSpec,
    Node,
    Seconds,
    Short,
    Table,
    wrong,
)
from hub.config.problems import Position

BY = "by_"
KEY_REQUEST = "by_key"


class Quota(Short):
    """At most `calls` in `per_s` seconds, written `600/min`."""

    calls: int = Field(gt=0)
    per_s: float = Field(gt=0)

    @classmethod
    def _spell_out(cls, word: str) -> dict[str, Any]:
        try:
            calls, per_s = formats.quota(word)
        except ValueError:
            raise wrong(formats.QUOTA_FORM) from None
        return {"calls": calls, "per_s": per_s}


class Limits(Node):
    """What the hub never exceeds: seconds a call, calls at once, keys a call, calls per time."""

    timeout_s: Seconds = Field(2.0, alias="timeout")
    in_flight: int = Field(4, ge=1, le=256)
    batch: int = Field(100, ge=1, le=10_000)
    quota: Quota | None = None


class EntitySpec(Node):
    """One canonical noun of a system. `by` holds the requests of `by_<field>`, by field.

    `key` are the native columns or paths of the key. `fresh_for_s` and `stale_for_s` are the ages
    up to which a record is FRESH and STALE.
    """

    noun: str
    from_: str | None = Field(None, alias="from")
    key: Columns
    parent: str | None = None
    fields: Annotated[dict[str, FieldSpec], Field(min_length=1)]
    attributes: dict[str, AttributeSpec] = Field(default_factory=dict)
    fresh_for_s: Seconds = Field(5.0, alias="fresh_for")
    stale_for_s: Seconds = Field(600.0, alias="stale_for")
    changes: ChangesSpec | None = None
    by_key: Request | None = None
    by: dict[str, Request] = Field(default_factory=dict)
    list: Request | None = None

    @check_model(mode="before")
    @classmethod
    def _gather_by(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        asked = [word for word in given if word.startswith(BY) and word != KEY_REQUEST]
        rest = {word: each for word, each in given.items() if word not in asked}
        return rest | {"by": {word.removeprefix(BY): given[word] for word in asked}}


class SystemSpec(Node):
    """One connected system. `url` may hold credentials and never shows itself."""

    name: str
    role: Literal["erp", "wms", "crm", "carrier", "commerce", "returns"]
    kind: Literal["sql", "rest", "odata", "graphql", "file"]
    url: SecretStr
    auth: AuthSpec | None = None
    limits: Limits = Field(default_factory=Limits.model_construct)
    entities: Annotated[dict[str, EntitySpec], Field(min_length=1)]
    commands: dict[str, CommandSpec] = Field(default_factory=dict)
    events: EventsSpec | None = None

    @check_model(mode="before")
    @classmethod
    def _name_parts(cls, given: Any) -> Any:
        return _named(_named(given, "entities", "noun"), "commands", "name")


class CrossReferenceSpec(Node):
    """Keys that meet. `table` is a CSV file, `columns` its column per `system.noun`.

    `match` are canonical fields: records of several systems that agree in all of them are one.
    """

    table: str | None = None
    columns: Table | None = None
    match: Columns | None = None


class SystemsFile(Node):
    """All connected systems, by name, and how their records meet."""

    version: Literal[1]
    systems: dict[str, SystemSpec] = Field(default_factory=dict)
    cross_references: dict[str, CrossReferenceSpec] = Field(default_factory=dict)
    deliveries: dict[str, DeliverySpec] = Field(default_factory=dict)
    _document: Document = PrivateAttr(default_factory=lambda: Document(None))

    @check_model(mode="before")
    @classmethod
    def _version_number(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        version = given.get("version")
        numbered = {"version": 1} if version == "1" else {}
        named = _named({**given, **numbered}, "systems", "name")
        return _named(named, "deliveries", "name")

    def where(self, path: tuple[str | int, ...]) -> Position:
        """Where a node stands, by its keys as written: `("systems", "erp", "entities", ...)`."""
        return self._document.where(path)

    @property
    def files(self) -> frozenset[FilePath]:
        """The file itself and all it includes."""
        return frozenset(FilePath(at.file) for at in self._document.values_at.values())

    def serving(self, noun: str) -> tuple[SystemSpec, ...]:
        """The systems that serve a noun, in the order of the file."""
        return tuple(each for each in self.systems.values() if noun in each.entities)

    def targets(self, spec: FieldSpec, noun: str) -> frozenset[str]:
        """The systems whose `noun` a reference field may name."""
        if spec.to is not None and spec.to.column is not None:
            return frozenset((spec.to.values or {}).values())
        if spec.to is not None and spec.to.system is not None:
            return frozenset({spec.to.system})
        return frozenset(each.name for each in self.serving(noun))


def _named(given: Any, section: str, word: str) -> Any:
    """The section's members each told their own key; `word` in the file itself is unknown there."""
    parts = given.get(section) if isinstance(given, Mapping) else None
    if not isinstance(parts, Mapping):
        return given
    named = {key: _with_name(part, word, key) for key, part in parts.items()}
    return {**given, section: named}


def _with_name(part: Any, word: str, key: str) -> Any:
    if not isinstance(part, Mapping):
        return part
    if word in part and part[word] != key:
        raise PydanticCustomError("wrong", "not valid", {"expected": f"no {word!r} inside {key}"})
    return {**part, word: key}
