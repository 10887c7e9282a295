"""The correlation id of an order: one text that follows it through every system. Pure."""

from __future__ import annotations

from base64 import b32encode
from hashlib import sha256

from hub.model.order import Order
from hub.model.values import Ref

_DIGEST_BYTES = 10  # 80 bits, 16 letters: two of a billion orders share one by chance of 1 in 2.4e6


def correlation_id_of(order: Order) -> str:
    """The source's own, else one made from the order's ref: the same at every read, everywhere."""
    return order.correlation_id or derived_correlation_id(order.ref)


def derived_correlation_id(ref: Ref) -> str:
    """`order-` and 16 lower-case letters and digits, a function of the ref alone. Not a secret."""
    digest = sha256("\x1f".join(ref).encode()).digest()[:_DIGEST_BYTES]
    return f"{ref.noun}-{b32encode(digest).decode().lower()}"
