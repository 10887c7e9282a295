"""What systems tell, decoded into canonical words by the systems file in force.

The sender of a message is who brought it (the subject, the address of the webhook), never who it
says it is. Texts of a message are data: keys are looked up or bound, never put together with code.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hub.config.event_specs import SignatureSpec
from hub.config.specs import SystemsFile
from hub.events.intake import Message
from hub.events.told import Told, Via, micros, version_of
from hub.model.errors import EventInvalid, OpsHubError, SignatureInvalid, SourceError
from hub.model.record import Record
from hub.model.values import Ref
from sources.feed_rows import Hears, Row, compile_hears
from sources.messages import Body, bodies

KEY_LENGTH_MAX = 400  # characters; what the hub's own tables hold
AHEAD_MAX = timedelta(minutes=5)
"""How far a message's own time may be ahead of us before it orders nothing."""
_SECRETLESS = b"a system that is not known"

_OURS = (Via.POLL, Via.BACKFILL)
_BROKEN = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)
"""What paths, formats and `python:` functions raise on a message they were not made for."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Feeds:
    """How messages are read and signatures checked. `in_force` is asked each time.

    What was compiled of a file is kept until another one is in force.
    """

    def __init__(
        self, in_force: Callable[[], SystemsFile], *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._in_force, self._now = in_force, now
        self._file: SystemsFile | None = None
        self._hears: dict[str, Hears] = {}

    def knows(self, system: str) -> bool:
        """Whether the file names the system."""
        return system in self._in_force().systems

    def hears(self, system: str) -> bool:
        """Whether the system declares how it tells of its changes."""
        spec = self._in_force().systems.get(system)
        return spec is not None and spec.events is not None

    def decode(self, message: Message) -> Sequence[Told]:
        """What a message tells, empty where that is no news.

        EventInvalid where it is not as declared, UnmappedValue for a code without a row.
        """
        if message.via in _OURS:
            return [self._polled(message)]
        hears = self._heard(message.system)
        try:
            told = [
                self._told(hears, message, each)
                for each in bodies(hears.system, message.payload, is_trusted=message.is_trusted)
            ]
        except OpsHubError as error:
            if isinstance(error, SourceError | EventInvalid):
                raise
            raise EventInvalid(hears.system, "it cannot be read as it is declared") from error
        except _BROKEN as error:
            raise EventInvalid(
                hears.system, f"it cannot be read as it is declared ({type(error).__name__})"
            ) from error
        return [each for each in told if each is not None]

    def check_signature(self, system: str, body: bytes, headers: Mapping[str, str]) -> bool:
        """True: signed as declared. False: the system declares no signature.

        SignatureInvalid where it is not. It takes as long for a system that is not known.
        """
        spec = self._in_force().systems.get(system)
        signature = None if spec is None or spec.events is None else spec.events.signature
        if signature is None:
            hmac.digest(_SECRETLESS, body, hashlib.sha256)
            return False
        given = headers.get(signature.header) or headers.get(signature.header.lower()) or ""
        if not _is_signed(signature, body, given):
            raise SignatureInvalid(
                f"{signature.header}: {'another signature' if given else 'nothing'} was received; "
                "expected the HMAC-SHA256 of the body with the secret both sides know"
            )
        return True

    def _heard(self, system: str) -> Hears:
        file = self._in_force()
        if file is not self._file:
            self._file, self._hears = file, {}
        if system not in self._hears:
            spec = file.systems.get(system)
            if spec is None or spec.events is None:
                raise EventInvalid(
                    system[:80], "it declares no events; declare them in the systems file"
                )
            self._hears[system] = compile_hears(spec, file)
        return self._hears[system]

    def _told(self, hears: Hears, message: Message, body: Body) -> Told | None:
        self._check_speaker(hears, body)
        kind = hears.kind_of(body)
        if kind in hears.ignore:
            return None
        row = hears.rows.get(kind)
        if row is None:
            known = ", ".join(sorted(hears.rows))
            raise EventInvalid(hears.system, f"kind {kind[:80]!r}; expected one of {known}")
        if not message.is_trusted:
            return Told(
                ref=_ref(hears, row, body), via=message.via, traceparent=message.traceparent
            )
        return self._believed(hears, row, message, body=body)

    def _believed(self, hears: Hears, row: Row, message: Message, *, body: Body) -> Told:
        at = hears.at_of(body)
        record = row.read(body.told, message.received_at)
        ref = _ref(hears, row, body) if record is None else _checked(hears, record.ref)
        version = self._version(record, at)
        return Told(
            ref=ref,
            via=message.via,
            record=None if version is None else record,
            version=version,
            event_id=hears.id_of(body),
            occurred_at=at,
            traceparent=message.traceparent,
        )

    def _version(self, record: Record | None, at: datetime | None) -> int | None:
        """The system's own order; none in a future that would put every later change behind it."""
        own = None if record is None else version_of(record)
        version = micros(at) if own is None and at is not None else own
        if version is not None and version > micros(self._now() + AHEAD_MAX):
            return None
        return version

    def _check_speaker(self, hears: Hears, body: Body) -> None:
        others = self._in_force().systems.keys() - {hears.system}
        claimed = sorted(body.speakers() & others)
        named = hears.speaker_of(body)
        if named is not None and named != hears.system:
            claimed.append(named)
        if claimed:
            raise EventInvalid(
                hears.system,
                f"it says that {claimed[0][:80]!r} tells it; a system tells only of its own",
            )

    def _polled(self, message: Message) -> Told:
        """A dead letter of our own polling: its record is read again."""
        system = message.system[:80]
        told = [each.told for each in bodies(system, message.payload, is_trusted=True)] or [{}]
        entity, key = told[0].get("entity"), told[0].get("key")
        spec = self._in_force().systems.get(message.system)
        is_known = spec is not None and isinstance(entity, str) and entity in spec.entities
        if not is_known or not isinstance(entity, str) or not isinstance(key, str):
            raise EventInvalid(system, "no such record can be polled any more")
        return Told(ref=Ref(entity, message.system, key), via=message.via)


def _ref(hears: Hears, row: Row, body: Body) -> Ref:
    return _checked(hears, Ref(row.noun, hears.system, row.key_of(body.told)))


def _checked(hears: Hears, ref: Ref) -> Ref:
    if len(ref.key) > KEY_LENGTH_MAX:
        raise EventInvalid(
            hears.system, f"a key of {len(ref.key)} characters; expected at most {KEY_LENGTH_MAX}"
        )
    return ref


def _is_signed(spec: SignatureSpec, body: bytes, given: str) -> bool:
    """Whether one of the secrets signs the body; every one is tried, in constant time."""
    signature = _decoded(spec, given.strip())
    matches = [
        hmac.compare_digest(
            hmac.digest(each.get_secret_value().encode(), body, hashlib.sha256), signature
        )
        for each in spec.secret
    ]
    return any(matches)


def _decoded(spec: SignatureSpec, given: str) -> bytes:
    """The signature's bytes, none where it does not have the declared form."""
    if not given.startswith(spec.prefix):
        return b""
    text = given.removeprefix(spec.prefix)
    try:
        if spec.encoding == "hex":
            return bytes.fromhex(text)
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return b""
