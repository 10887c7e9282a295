"""What clients see of an error: its message, path, locations and public extensions, never more.

Our own errors go out as they are. What a client's document got wrong is DOCUMENT_INVALID. Anything
else is a defect: INTERNAL, its text only in the log, under the correlation id that is also shown.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

import orjson
from graphql import GraphQLError

from hub.model.errors import (
    DocumentInvalid,
    Internal,
    OpsHubError,
    SourceInvalid,
    SourceMisconfigured,
)

log = logging.getLogger(__name__)

ERRORS_MAX = 10  # errors of one answer
ANSWER_BYTES_MAX = 4096  # bytes of an answer of errors alone
ERRORS_BYTES_MAX = 3072  # bytes of its errors as JSON; ids, cost and warnings have the rest
MESSAGE_MAX = 500  # characters of one message, at most four bytes each
LOCATIONS_MAX = 3  # places in the document of one error

_MISCONFIGURED = (
    "it refuses what the systems file asks of it; "
    "its operators run `opshub config check FILE --connect`, which names the place"
)
_NATIVE_VALUE = re.compile(r"(?<=') = .*(?=: )", re.DOTALL)  # field 'number' = …: expected
_CLASS_NAME = re.compile(r" ?\(?\b[\w.]*[a-z](?:Error|Exception)\b\)?")

Wire = dict[str, Any]


def wire_errors(errors: Sequence[Exception], correlation_id: str) -> tuple[list[Wire], int]:
    """The errors as clients see them, and how many were left out.

    They stand in the order of the document, whichever was known first: their order must not tell
    what took longer. Errors of one system and code stand together. Where there are too many, every
    system and code keeps its first ones, in turn.
    """
    placed = sorted(errors, key=place_of)
    told = [(public_error(error, correlation_id), error) for error in placed]
    log_defects(told, correlation_id)
    groups: dict[tuple[str | None, str], list[Wire]] = {}
    for public, error in told:
        wire = wire_of(public, error, correlation_id)
        groups.setdefault((public.system, public.code), []).append(wire)
    kept = fitting(chain.from_iterable(zip_longest(*groups.values())))
    shown = [wire for group in groups.values() for wire in group if id(wire) in kept]
    return shown, len(told) - len(shown)


def place_of(error: Exception) -> tuple[Any, ...]:
    """Where it stands: by line and column, then by path, an earlier element of a list first."""
    if not isinstance(error, GraphQLError):
        return ()
    at = [(each.line, each.column) for each in error.locations or ()]
    return at, [(isinstance(key, str), key) for key in error.path or ()], str(error.message)


def fitting(wires: Iterable[Wire | None]) -> set[int]:
    """The identities of the first ones that fit the limits. The very first always does."""
    kept: set[int] = set()
    size = 2  # the brackets
    for wire in wires:
        if wire is None:
            continue
        size += len(orjson.dumps(wire)) + 1
        if kept and (len(kept) == ERRORS_MAX or size > ERRORS_BYTES_MAX):
            break
        kept.add(id(wire))
    return kept


def public_error(error: Exception, correlation_id: str) -> OpsHubError:
    """The error of our tree that stands for it."""
    cause = cause_of(error)
    if isinstance(cause, SourceMisconfigured):
        # Its text names tables and columns of a system, which is for operators alone.
        return SourceMisconfigured(cause.system or "", _MISCONFIGURED)
    if isinstance(cause, SourceInvalid):
        # A value that cannot be read may belong to a field that the caller may not see.
        text = _NATIVE_VALUE.sub("", str(cause)).removeprefix(f"{cause.system}: ")
        return SourceInvalid(cause.system or "", text)
    if isinstance(cause, OpsHubError) and cause.code != Internal.code:
        return cause
    if isinstance(cause, GraphQLError) and is_of_the_document(error, cause):
        return DocumentInvalid(cause.message)
    return Internal(f"the hub failed here; its operators find why under {correlation_id}")


def cause_of(error: Exception) -> Exception:
    """What was raised first, below every GraphQLError that only locates it."""
    while isinstance(error, GraphQLError) and error.original_error is not None:
        error = error.original_error
    return error


def is_of_the_document(error: Exception, cause: GraphQLError) -> bool:
    """Whether graphql-core refuses the request: before execution, or an argument during it."""
    has_begun = isinstance(error, GraphQLError) and error.path is not None
    return not has_begun or cause.message.startswith("Argument ")


def wire_of(public: OpsHubError, error: Exception, correlation_id: str) -> Wire:
    """One entry of `errors`. A path of aliases so long that no entry can hold it is left out."""
    wire: Wire = {"message": shortened(str(public))}
    if isinstance(error, GraphQLError):
        if error.path is not None:
            wire["path"] = list(error.path)
        if error.locations:
            wire["locations"] = [
                {"line": at.line, "column": at.column} for at in error.locations[:LOCATIONS_MAX]
            ]
    wire["extensions"] = public.extensions | {"correlationId": correlation_id}
    if len(orjson.dumps(wire)) > ERRORS_BYTES_MAX:
        wire.pop("path", None)
    return wire


def shortened(message: str) -> str:
    """The message up to its limit and without class names of drivers.

    Control characters, of six bytes each in JSON, become blanks.
    """
    message = _CLASS_NAME.sub("", message)
    message = "".join(each if each.isprintable() else " " for each in message[: MESSAGE_MAX + 1])
    return message if len(message) <= MESSAGE_MAX else message[: MESSAGE_MAX - 1] + "…"


def log_defects(told: Iterable[tuple[OpsHubError, Exception]], correlation_id: str) -> None:
    """One line with a stack for each different defect, and how often it came."""
    defects: dict[tuple[type, str], list[Exception]] = {}
    for public, error in told:
        if isinstance(public, Internal):
            cause = cause_of(error)
            defects.setdefault((type(cause), str(cause)), []).append(error)
    for same in defects.values():
        path = getattr(same[0], "path", None)
        log.error(
            "a field failed",
            exc_info=cause_of(same[0]),
            extra={"correlation_id": correlation_id, "path": path, "times": len(same)},
        )
