"""The `events` of one system, compiled: which row reads a message, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.config.event_specs import ANY_KIND, AtSpec, EventRow
from hub.config.specs import SystemsFile, SystemSpec
from hub.model.errors import EventInvalid, SourceMisconfigured, UnmappedValue
from hub.model.record import Record
from sources.codecs import Moment, moment_of
from sources.fields import Shape
from sources.mapping import EntityMapping, SpecUnusable, compile_entity
from sources.messages import Body, found
from sources.numbers import text_of
from sources.paths import ABSENT, compile_path
from sources.references import key_of

Walk = Callable[[Any], Any]
ID_LENGTH_MAX = 1_000  # characters of a message's own id


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of message. `record` is where the whole record stands, `key` where its key does."""

    system: str
    noun: str
    mapping: EntityMapping
    record: Walk | None
    key: tuple[Walk, ...]

    def read(self, told: Mapping[str, Any], fetched_at: datetime) -> Record | None:
        """The record, None where only the key is told; what is wrong with it is raised."""
        if self.record is None:
            return None
        made = self.mapping.record(self._native(told), fetched_at)
        if not isinstance(made, Record):
            raise EventInvalid(self.system, str(made).removeprefix(f"{self.system}: "))
        for gap in _gaps(made):
            raise gap
        return made

    def key_of(self, told: Mapping[str, Any]) -> str:
        """The canonical key alone."""
        if self.record is not None:
            key = self.mapping.identify(self._native(told))
            if key is None:
                raise EventInvalid(self.system, f"a {self.noun} without its key; expected one")
            return key
        natives = [walk(told) for walk in self.key]
        if not all(found(native) for native in natives):
            raise EventInvalid(self.system, f"no key of a {self.noun} where it was declared")
        try:
            return key_of(natives)
        except (ValueError, TypeError) as error:
            raise EventInvalid(self.system, f"the key of a {self.noun}: {error}") from error

    def _native(self, told: Mapping[str, Any]) -> Mapping[str, Any]:
        native = told if self.record is None else self.record(told)
        if not isinstance(native, Mapping):
            raise EventInvalid(self.system, f"no {self.noun} where it was declared")
        return native


@dataclass(frozen=True, slots=True)
class Hears:
    """How messages of one system are read."""

    system: str
    rows: Mapping[str, Row]
    ignore: frozenset[str]
    id: Walk | None
    kind: Walk | None
    speaker: Walk | None
    at: tuple[Walk, Moment] | None

    def kind_of(self, body: Body) -> str:
        """What decides the row; EventInvalid where it is no word."""
        if self.kind is None:
            return ANY_KIND
        kind = _either(self.kind, body, "type")
        if isinstance(kind, bool) or not isinstance(kind, str | int):
            raise EventInvalid(self.system, "a message without its kind; expected a word")
        return str(kind)

    def id_of(self, body: Body) -> str | None:
        """The message's own id as text, None where it has none."""
        given = body.envelope.get("id") if self.id is None else _either(self.id, body, "id")
        if not found(given) or given == "":
            return None
        text = text_of(given)
        if len(text) > ID_LENGTH_MAX:
            raise EventInvalid(
                self.system, f"an id of {len(text)} characters; expected a short one"
            )
        return text

    def at_of(self, body: Body) -> datetime | None:
        """The message's own time, None where it has none."""
        if self.at is not None:
            walk, moment = self.at
            given = walk(body.told)
            if found(given):
                return moment.parse((given,))
        envelope = body.envelope.get("time")
        if not isinstance(envelope, str):
            return None
        at = datetime.fromisoformat(envelope)
        if at.tzinfo is None:
            raise EventInvalid(self.system, "a time of the envelope without its zone")
        return at.astimezone(UTC)

    def speaker_of(self, body: Body) -> str | None:
        """Who the message says it is from, at the declared path; None where none is declared."""
        if self.speaker is None:
            return None
        given = _either(self.speaker, body, "source")
        return text_of(given) if found(given) else ""


def compile_hears(spec: SystemSpec, file: SystemsFile) -> Hears:
    """The compiled events of a system that declares some; SourceMisconfigured names a bad row."""
    events = spec.events
    assert events is not None  # asked for by the caller
    return Hears(
        spec.name,
        {kind: _row(spec, file, row) for kind, row in events.of.items()},
        frozenset(events.ignore or ()),
        _walk(events.id),
        _walk(events.kind),
        _walk(events.system),
        None if events.at is None else _moment(events.at),
    )


def _row(spec: SystemSpec, file: SystemsFile, row: EventRow) -> Row:
    shape = Shape(spec.name, row.entity, False, file.targets, None, lambda field, word: None)
    try:
        mapping = compile_entity(spec.entities[row.entity], shape)
    except SpecUnusable as error:
        raise SourceMisconfigured(spec.name, f"{row.entity}: {error.message}") from error
    keys = tuple(compile_path(path) for path in row.key or ())
    return Row(spec.name, row.entity, mapping, _walk(row.record), keys)


def _moment(spec: AtSpec) -> tuple[Walk, Moment]:
    return compile_path(spec.path), moment_of(spec.read, spec.zone, columns=1)


def _walk(path: str | None) -> Walk | None:
    return None if path is None else compile_path(path)


def _either(walk: Walk, body: Body, attribute: str) -> Any:
    """What stands at a path of what is told, else in the envelope."""
    given = walk(body.told)
    return given if found(given) else body.envelope.get(attribute, ABSENT)


def _gaps(record: Record) -> Iterator[UnmappedValue]:
    """Codes without a row, its nested children's too."""
    for gap in record.gaps:
        if isinstance(gap, UnmappedValue):
            yield gap
    for value in (getattr(record, name) for name in ("lines", "milestones", "messages")
                  if hasattr(record, name)):  # fmt: skip
        for child in value or ():
            yield from _gaps(child)
