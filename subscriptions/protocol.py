"""graphql-transport-ws: the words that come and go, and the codes a socket is closed with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import orjson

from hub.model.errors import BodyInvalid, Unauthenticated
from resolvers.body import GraphQLRequest, request_of, strict_json

SUBPROTOCOL = "graphql-transport-ws"
MESSAGE_BYTES_MAX = 65_536  # bytes of one message of a client
OPERATION_ID_MAX = 200  # characters of the id a client gives an operation
REASON_BYTES_MAX = 120  # of a closing reason; a close frame holds 123

ACK = b'{"type":"connection_ack"}'
PING = b'{"type":"ping"}'


class Code(IntEnum):
    """Why a socket is closed. Clients come again by themselves after 1001, 1013, 4403 and 4408."""

    GOING_AWAY = 1001
    AGAIN_LATER = 1013
    MALFORMED = 4400
    NOT_ACKNOWLEDGED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL = 4406
    INIT_TIMEOUT = 4408
    DUPLICATE_ID = 4409
    TOO_MANY = 4429
    DEFECT = 4500


class Closing(Exception):
    """The socket is to be closed. The reason is for people; programs go by the code."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")


def closing_of(error: Unauthenticated) -> Closing:
    """4403, its reason beginning with the word for what is wrong with the token."""
    return Closing(Code.FORBIDDEN, f"{error.reason}: {error}")


@dataclass(frozen=True, slots=True)
class Init:
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ping:
    payload: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Pong:
    pass


@dataclass(frozen=True, slots=True)
class Subscribe:
    id: str
    request: GraphQLRequest


@dataclass(frozen=True, slots=True)
class Complete:
    id: str


Word = Init | Ping | Pong | Subscribe | Complete


def read_word(message: Mapping[str, Any]) -> Word:
    """What a `websocket.receive` says; Closing with 4400 where it is not of the protocol."""
    text = message.get("text")
    if text is None:
        raise _malformed("the message is no text in UTF-8; expected JSON as text")
    try:
        content = text.encode()
    except UnicodeEncodeError:
        raise _malformed("the message is not UTF-8") from None
    if len(content) > MESSAGE_BYTES_MAX:
        raise _malformed(f"the message is larger than {MESSAGE_BYTES_MAX} bytes; send less")
    try:
        return _word_of(strict_json(content, "the message"))
    except BodyInvalid as error:
        raise _malformed(str(error)) from None


def _word_of(parsed: Any) -> Word:
    if not isinstance(parsed, dict):
        raise _malformed("the message is no object; expected one with 'type'")
    match parsed.get("type"):
        case "connection_init":
            return Init(_payload(parsed) or {})
        case "ping":
            return Ping(_payload(parsed))
        case "pong":
            _payload(parsed)
            return Pong()
        case "subscribe":
            return Subscribe(_id(parsed), request_of(_needed_payload(parsed)))
        case "complete":
            return Complete(_id(parsed))
    raise _malformed("'type' is none a client sends in " + SUBPROTOCOL)


def _payload(parsed: Mapping[str, Any]) -> dict[str, Any] | None:
    """An object, or nothing; null where there is a payload is nobody's."""
    if "payload" not in parsed:
        return None
    return _needed_payload(parsed)


def _needed_payload(parsed: Mapping[str, Any]) -> dict[str, Any]:
    payload = parsed.get("payload")
    if not isinstance(payload, dict):
        raise _malformed("'payload' is no object")
    return payload


def _id(parsed: Mapping[str, Any]) -> str:
    id_ = parsed.get("id")
    if not isinstance(id_, str) or not 1 <= len(id_) <= OPERATION_ID_MAX:
        raise _malformed(f"'id' is no text of 1 to {OPERATION_ID_MAX} characters")
    return id_


def _malformed(reason: str) -> Closing:
    return Closing(Code.MALFORMED, reason)


def next_head(id_: str) -> bytes:
    """What stands before a result; NEXT_TAIL stands after it."""
    return b'{"id":' + orjson.dumps(id_) + b',"type":"next","payload":'


NEXT_TAIL = b"}"


def complete(id_: str) -> bytes:
    return b'{"id":' + orjson.dumps(id_) + b',"type":"complete"}'


def error(id_: str, errors: list[dict[str, Any]]) -> bytes:
    """The operation ends with these errors."""
    head = b'{"id":' + orjson.dumps(id_) + b',"type":"error","payload":'
    return head + orjson.dumps(errors) + b"}"


def pong(payload: Mapping[str, Any] | None) -> bytes:
    return orjson.dumps(
        {"type": "pong"} if payload is None else {"type": "pong", "payload": payload}
    )
