"""Cursors: opaque texts that say where a stream was, signed with a key all processes share.

What a cursor counts follows from its stream: a timeline's from its order's sequence, a feed's from
the positions of all events. It names no secret and is no authority: who may see is asked again.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b, sha256
from hmac import compare_digest

from hub.model.errors import CursorExpired, CursorForeign

SIGNATURE_BYTES = 13  # 27 bytes in all: no padding
EPOCH_BYTES = 6
SEQUENCE_BYTES = 8
CURSOR_LENGTH_MAX = 200  # characters; ours have about 50

_EXPECTED = "expected one that this subscription, with these arguments, has told; leave it out"


class Cursors:
    """Makes and reads the cursors of one life of the event log (`epoch`)."""

    def __init__(self, secret: bytes) -> None:
        self._key = sha256(b"cursor" + secret).digest()

    def make(self, digest: bytes, epoch: str, sequence: int) -> str:
        """The cursor of a sequence of what `digest` says is followed."""
        body = _epoch(epoch) + sequence.to_bytes(SEQUENCE_BYTES, "big")
        return urlsafe_b64encode(body + self._signature(body, digest)).decode()

    def read(self, cursor: str, digest: bytes, epoch: str) -> int:
        """Its sequence.

        Raises CursorForeign where it was made for something else, by somebody else, or is no
        cursor, and CursorExpired where it is of another life of the log.
        """
        body, signature = _parts(cursor)
        if not compare_digest(signature, self._signature(body, digest)):
            raise CursorForeign(f"after: received {cursor[:80]!r}; {_EXPECTED}")
        if body[:EPOCH_BYTES] != _epoch(epoch):
            raise CursorExpired(
                "after: the log it counts in is gone; subscribe without it for the state now"
            )
        return int.from_bytes(body[EPOCH_BYTES:], "big")

    def _signature(self, body: bytes, digest: bytes) -> bytes:
        return blake2b(body + digest, key=self._key, digest_size=SIGNATURE_BYTES).digest()


def _epoch(epoch: str) -> bytes:
    return blake2b(epoch.encode(), digest_size=EPOCH_BYTES).digest()


def _parts(cursor: str) -> tuple[bytes, bytes]:
    try:
        if len(cursor) > CURSOR_LENGTH_MAX:
            raise ValueError
        raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    size = EPOCH_BYTES + SEQUENCE_BYTES
    if len(raw) != size + SIGNATURE_BYTES:
        raise CursorForeign(f"after: received {cursor[:80]!r}; {_EXPECTED}")
    return raw[:size], raw[size:]
