"""Messages of systems as JSON, bounded before anything is believed of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from hub.model.errors import EventInvalid
from sources.paths import ABSENT

PAYLOAD_BYTES_MAX = 65_536
DEPTH_MAX = 32  # levels of lists and objects
BATCH_MAX = 100  # messages in one payload
UNSIGNED_MAX = 10
"""Messages in one payload of somebody who did not sign: each has us read a record of the system."""
_SPEAKER = re.compile(r"[^/:?#]+")  # the parts of a CloudEvents source


@dataclass(frozen=True, slots=True)
class Body:
    """One message: `told` is what the system says, `envelope` the CloudEvents around it or {}."""

    told: Mapping[str, Any]
    envelope: Mapping[str, Any]

    def speakers(self) -> frozenset[str]:
        """The words of the envelope's source, any of which may name a system."""
        source = self.envelope.get("source")
        return frozenset(_SPEAKER.findall(source)) if isinstance(source, str) else frozenset()


def bodies(system: str, payload: bytes, *, is_trusted: bool) -> list[Body]:
    """The messages of a payload; EventInvalid where it is not JSON, too large or too deep."""
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise EventInvalid(
            system, f"{len(payload)} bytes were received; expected at most {PAYLOAD_BYTES_MAX}"
        )
    parsed = _parsed(system, payload)
    _check_depth(system, parsed)
    given = parsed if isinstance(parsed, list) else [parsed]
    if len(given) > BATCH_MAX:
        raise EventInvalid(system, f"{len(given)} messages at once; expected at most {BATCH_MAX}")
    if len(given) > UNSIGNED_MAX and not is_trusted:
        raise EventInvalid(
            system,
            f"{len(given)} messages at once without a signature; expected at most {UNSIGNED_MAX}, "
            "or a signature as `events: signature:` declares it",
        )
    return [_body(system, each) for each in given]


def found(value: Any) -> bool:
    """Whether something stands at a path."""
    return value is not None and value is not ABSENT


def _parsed(system: str, payload: bytes) -> Any:
    try:
        parsed = json.loads(payload, parse_float=Decimal, parse_constant=_not_a_number)
        if b"\\ud" in payload.lower():
            json.dumps(parsed, ensure_ascii=False, default=str).encode()  # half a surrogate pair
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise EventInvalid(
            system, f"{len(payload)} bytes that are no JSON were received; expected an object"
        ) from error
    return parsed


def _not_a_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")


def _check_depth(system: str, parsed: Any) -> None:
    """Level by level, so that no depth is too much for us; texts that no database takes too."""
    level = [parsed]
    for _ in range(DEPTH_MAX):
        level = [inner for each in level for inner in _inside(system, each)]
        if not level:
            return
    raise EventInvalid(system, f"it is nested deeper than {DEPTH_MAX} levels; expected less")


def _inside(system: str, value: Any) -> Iterator[Any]:
    if isinstance(value, str) and "\0" in value:
        raise EventInvalid(system, "a text with the character NUL; expected text without it")
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value
        yield from value.values()


def _body(system: str, value: Any) -> Body:
    if not isinstance(value, dict):
        kind = type(value).__name__
        raise EventInvalid(system, f"a message that is a {kind}; expected a JSON object")
    if "specversion" not in value:
        return Body(value, {})
    told = value.get("data")
    if not isinstance(told, dict):
        raise EventInvalid(system, "a CloudEvent without an object as data; expected one")
    return Body(told, value)
