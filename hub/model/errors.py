"""Every error of the hub, as one tree. `code` is public and never reused; docs/errors.md lists all.

    OpsHubError
    |- RequestError             the caller must change the request
    |  |- IdInvalid             ID_INVALID
    |  |- InputInvalid          INPUT_INVALID
    |  |- NumberAmbiguous       NUMBER_AMBIGUOUS    several things have this number
    |  |- NotFound              NOT_FOUND
    |  |- Unauthenticated       UNAUTHENTICATED
    |  |- Forbidden             FORBIDDEN
    |  |- DocumentInvalid       DOCUMENT_INVALID    syntax or validation
    |  |- DocumentTooLarge      DOCUMENT_TOO_LARGE  over a limit, which it names
    |  |- IntrospectionDisabled INTROSPECTION_DISABLED  the roles may not read the schema
    |  |- PersistedError        a document is named by hash or id and is not run
    |  |  |- PersistedQueryNotFound  PERSISTED_QUERY_NOT_FOUND  send the hash with its document
    |  |  |- DocumentMismatch   DOCUMENT_MISMATCH   the document is not the one that is named
    |  |  `- DocumentNotTrusted DOCUMENT_NOT_TRUSTED  the manifest has no such document
    |  |- BodyInvalid           BODY_INVALID        not GraphQL over HTTP
    |  |- CursorForeign         CURSOR_FOREIGN      it was issued for something else, or forged
    |  |- CursorExpired         CURSOR_EXPIRED      nothing is left to go on from; begin anew
    |  |- SlowConsumer          SLOW_CONSUMER       it does not take what it asked for
    |  |- SubscriptionsExceeded SUBSCRIPTIONS_EXCEEDED  too many streams or connections at once
    |  |- SignatureInvalid      SIGNATURE_INVALID   a webhook is not signed as declared
    |  `- EventInvalid          EVENT_INVALID       a message is not what its system declares
    |- SourceError              a system did not answer as it should; names the system
    |  |- SourceUnavailable     SOURCE_UNAVAILABLE  refused, reset, breaker open
    |  |- SourceTimeout         SOURCE_TIMEOUT      deadline passed
    |  |- SourceBusy            SOURCE_BUSY         in-flight bound, quota or 429
    |  |- SourceInvalid         SOURCE_INVALID      it answered garbage
    |  |- SourceMisconfigured   SOURCE_MISCONFIGURED  credentials, missing table or column
    |  |  `- MissingColumns     of sources.sql_shape
    |  |- SourceCannot          SOURCE_CANNOT       it cannot filter, sort or look up that way
    |  `- UnmappedValue         UNMAPPED_VALUE      a native code the systems file does not know
    |- DeadlineExceeded         DEADLINE_EXCEEDED   the request's own time is up
    |- RateLimited              RATE_LIMITED        the caller's budget is used up for now
    |- NotServed                NOT_SERVED          no connected system has this noun
    |- ConfigInvalid            CONFIG_INVALID      systems file or settings
    |  |- SettingsInvalid       of hub.config.settings
    |  `- SystemsFileInvalid    of hub.config.problems
    |- StoreUnavailable         STORE_UNAVAILABLE   the hub's own database
    |- NatsUnavailable          NATS_UNAVAILABLE    messages are away; queries go on
    |- RecordUnknown            RECORD_UNKNOWN      an event names a record that is not there yet
    |- DeliveryFailed           DELIVERY_FAILED     whoever was to be told did not take it
    `- Internal                 INTERNAL            a defect; the text stays in the log

A message says what was received, what was expected and what to do next. It never carries a
secret, a URL with a query, SQL, a host or a customer's name. Only the candidates of a number
describe records, to whoever may read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple


class OpsHubError(Exception):
    """The root. `extensions` is what clients see beside the message."""

    code: ClassVar[str] = "INTERNAL"
    retryable: ClassVar[bool] = False
    system: str | None = None

    @property
    def extensions(self) -> dict[str, Any]:
        seen: dict[str, Any] = {"code": self.code, "retryable": self.retryable}
        if self.system is not None:
            seen["system"] = self.system
        return seen


class RequestError(OpsHubError):
    """The request cannot be answered as it stands; sending it again changes nothing."""


class IdInvalid(RequestError):
    code = "ID_INVALID"

    def __init__(self, received: str, *, expected: str) -> None:
        super().__init__(f"id {received[:80]!r} is not valid: expected {expected}")


class InputInvalid(RequestError):
    code = "INPUT_INVALID"

    def __init__(self, field: str, received: object, *, expected: str) -> None:
        super().__init__(f"{field}: received {str(received)[:80]!r}; expected {expected}")
        self.field = field


class Candidate(NamedTuple):
    """One of the things a number names. `description` is for whoever asked, of what they may see.

    None where nothing is told of it.
    """

    system: str
    external_id: str
    id: str
    description: str | None


class NumberAmbiguous(RequestError):
    """Several things have the number. `called` is what it is, such as `order number`."""

    code = "NUMBER_AMBIGUOUS"

    def __init__(self, called: str, number: str, candidates: Sequence[Candidate]) -> None:
        systems = ", ".join(dict.fromkeys(each.system for each in candidates))
        super().__init__(
            f"{called} {number[:80]!r} names {len(candidates)} records, in {systems}; "
            "ask for one of the candidates by its id, or by sourceRef"
        )
        self.candidates = tuple(candidates)

    @property
    def extensions(self) -> dict[str, Any]:
        found = [
            {
                "system": each.system,
                "externalId": each.external_id,
                "id": each.id,
                "description": each.description,
            }
            for each in self.candidates
        ]
        return super().extensions | {"candidates": found}


class NotFound(RequestError):
    code = "NOT_FOUND"

    def __init__(self, noun: str, received: str) -> None:
        super().__init__(f"no {noun} {received[:80]!r} in any connected system")


class Unauthenticated(RequestError):
    """`reason` is a word of hub.security.refused: what is wrong, never what the token says."""

    code = "UNAUTHENTICATED"

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def extensions(self) -> dict[str, Any]:
        return super().extensions | {"reason": self.reason}


class Forbidden(RequestError):
    code = "FORBIDDEN"


class DocumentInvalid(RequestError):
    code = "DOCUMENT_INVALID"


class DocumentTooLarge(RequestError):
    """A document, its variables or its estimated cost is over a limit; nothing was executed."""

    code = "DOCUMENT_TOO_LARGE"

    def __init__(self, limit: str, received: int, *, allowed: int) -> None:
        super().__init__(f"{limit}: received {received} or more; allowed {allowed}; ask for less")
        self.limit = limit
        self.received = received
        self.allowed = allowed

    @property
    def extensions(self) -> dict[str, Any]:
        over = {"limit": self.limit, "received": self.received, "allowed": self.allowed}
        return super().extensions | over


class IntrospectionDisabled(RequestError):
    code = "INTROSPECTION_DISABLED"

    def __init__(self) -> None:
        super().__init__("__schema and __type are not for the roles of this token; leave them out")


class PersistedError(RequestError):
    """The document was named by hash or id, or had to be; nothing of it was run."""


class PersistedQueryNotFound(PersistedError):
    """Clients of automatic persisted queries know this message and code, and send both again."""

    code = "PERSISTED_QUERY_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")


class DocumentMismatch(PersistedError):
    code = "DOCUMENT_MISMATCH"

    def __init__(self, named: str) -> None:
        super().__init__(
            f"'query' is not the document {named[:80]!r}; "
            "expected the text the name was made from, or the name alone"
        )


class DocumentNotTrusted(PersistedError):
    """`received` is the id or hash that was sent; None where a document was sent without one."""

    code = "DOCUMENT_NOT_TRUSTED"

    def __init__(self, received: str | None) -> None:
        named = "the document" if received is None else f"document {received[:80]!r}"
        super().__init__(
            f"{named} is not in the manifest; expected one that was registered, by its id"
        )


class BodyInvalid(RequestError):
    """The HTTP body is no GraphQL request; `status` is the HTTP status of the answer."""

    code = "BODY_INVALID"

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class CursorForeign(RequestError):
    code = "CURSOR_FOREIGN"


class CursorExpired(RequestError):
    code = "CURSOR_EXPIRED"


class SlowConsumer(RequestError):
    """`cursor` is where to go on from."""

    code = "SLOW_CONSUMER"

    def __init__(self, waiting: int, *, limit: int, cursor: str | None) -> None:
        super().__init__(
            f"{waiting} messages wait and {limit} may; subscribe again from the cursor and read on"
        )
        self.cursor = cursor

    @property
    def extensions(self) -> dict[str, Any]:
        return super().extensions | {"cursor": self.cursor}


class SubscriptionsExceeded(RequestError):
    code = "SUBSCRIPTIONS_EXCEEDED"

    def __init__(self, what: str, *, limit: int) -> None:
        super().__init__(f"{what}: at most {limit} at once; end one first")


class SignatureInvalid(RequestError):
    code = "SIGNATURE_INVALID"


class EventInvalid(RequestError):
    """A message of a system that cannot be read; it waits as a dead letter."""

    code = "EVENT_INVALID"

    def __init__(self, system: str, message: str) -> None:
        super().__init__(f"{system}: {message}")
        self.system = system


class SourceError(OpsHubError):
    """One system failed for one operation; its healthy siblings are not concerned."""

    def __init__(self, system: str, message: str) -> None:
        super().__init__(f"{system}: {message}")
        self.system = system


class SourceUnavailable(SourceError):
    code, retryable = "SOURCE_UNAVAILABLE", True


class SourceTimeout(SourceError):
    code, retryable = "SOURCE_TIMEOUT", True


class SourceBusy(SourceError):
    """`retry_after_s` is the system's own wish where it gave one."""

    code, retryable = "SOURCE_BUSY", True

    def __init__(self, system: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(system, message)
        self.retry_after_s = retry_after_s


class SourceInvalid(SourceError):
    code = "SOURCE_INVALID"


class SourceMisconfigured(SourceError):
    code = "SOURCE_MISCONFIGURED"


class SourceCannot(SourceError):
    code = "SOURCE_CANNOT"


class UnmappedValue(SourceError):
    """A native code without a row in the systems file. The raw word is kept, nothing is guessed."""

    code = "UNMAPPED_VALUE"

    def __init__(self, system: str, field: str, received: str, known: tuple[str, ...]) -> None:
        super().__init__(
            system, f"{field} = {received[:80]!r} is not mapped; known: {', '.join(known)}"
        )
        self.field = field
        self.received = received
        self.known = known

    @property
    def extensions(self) -> dict[str, Any]:
        return super().extensions | {"field": self.field, "received": self.received[:80]}


class DeadlineExceeded(OpsHubError):
    code, retryable = "DEADLINE_EXCEEDED", True

    def __init__(self, limit_s: float) -> None:
        super().__init__(f"the request took longer than its {limit_s:g} s; ask for less at once")


class RateLimited(OpsHubError):
    """The caller's budget does not hold the cost of this request yet; nothing was executed.

    `requested` and `remaining` are in units of cost; `retry_after_s` is when it will.
    """

    code, retryable = "RATE_LIMITED", True

    def __init__(self, requested: float, *, remaining: float, retry_after_s: float) -> None:
        super().__init__(
            f"the request costs {requested:g} and {remaining:g} is left; "
            f"try again in {retry_after_s:.1f} s or ask for less"
        )
        self.requested = requested
        self.remaining = remaining
        self.retry_after_s = retry_after_s

    @property
    def extensions(self) -> dict[str, Any]:
        cost = {"requested": self.requested, "remaining": self.remaining}
        return super().extensions | {"cost": cost, "retryAfterS": round(self.retry_after_s, 3)}


class NotServed(OpsHubError):
    code = "NOT_SERVED"

    def __init__(self, noun: str) -> None:
        super().__init__(f"no connected system serves {noun}; declare it in the systems file")


class ConfigInvalid(OpsHubError):
    code = "CONFIG_INVALID"


class StoreUnavailable(OpsHubError):
    code, retryable = "STORE_UNAVAILABLE", True


class NatsUnavailable(OpsHubError):
    code, retryable = "NATS_UNAVAILABLE", True


class RecordUnknown(OpsHubError):
    """An event names a record its system does not have, or not yet."""

    code, retryable = "RECORD_UNKNOWN", True

    def __init__(self, system: str, noun: str, key: str) -> None:
        super().__init__(f"{system} told of {noun} {key[:80]!r} and does not have it")
        self.system = system


class DeliveryFailed(OpsHubError):
    """One attempt to tell somebody outside."""

    code = "DELIVERY_FAILED"


class Internal(OpsHubError):
    code = "INTERNAL"
