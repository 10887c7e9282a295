"""How a system tells of its changes (`events`), and how it is asked for them (`changes`)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from hub.config import formats
from hub.config.connection_specs import Request
from hub.config.delivery_specs import Secrets, Words
from hub.config.field_specs import Columns, Node, Seconds, Short, wrong

ANY_KIND = "*"
"""The one row of a system whose messages do not say their kind."""

_RATE_FORM = "rows per time such as 200/s or 5000/min"


def _rows_per_s(given: Any) -> float:
    try:
        rows, per_s = formats.quota(given)
    except (ValueError, TypeError, AttributeError):
        raise wrong(_RATE_FORM) from None
    if rows <= 0:
        raise wrong(_RATE_FORM)
    return rows / per_s


Rate = Annotated[
    float,
    BeforeValidator(_rows_per_s),
    WithJsonSchema({"type": "string", "pattern": r"^\d+/(s|min|h)$"}),
]
"""Rows per second, written `200/s`."""


class AtSpec(Short):
    """The message's own time: where it stands, and how it is read, as an instant of a field."""

    path: str
    read: str | None = None
    zone: str | None = None

    @classmethod
    def _spell_out(cls, word: str) -> dict[str, Any]:
        return {"path": word}


class SignatureSpec(Node):
    """HMAC-SHA256 of the raw body in a header, after `prefix`; any of several secrets may sign."""

    header: str = Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")
    secret: Secrets
    prefix: str = ""
    encoding: Literal["hex", "base64"] = "hex"


class EventRow(Node):
    """What one kind of message tells: the whole native record, or only its key."""

    entity: str
    record: str | None = None
    key: Columns | None = None


class EventsSpec(Node):
    """How messages of a system are read. `of` has a row for each kind, or one named `*`."""

    id: str | None = None
    at: AtSpec | None = None
    kind: str | None = None
    system: str | None = None
    signature: SignatureSpec | None = None
    of: Annotated[dict[str, EventRow], Field(min_length=1)]
    ignore: Words | None = None


class BackfillSpec(Node):
    """History that is read once: this far back, or all of it, at most so many rows a second."""

    since_s: Seconds | None = Field(None, alias="since")
    rows_per_s: Rate = Field(100.0, alias="rate")


class ChangesSpec(Node):
    """How changes are found by asking: in this order, this often, reading again this far back.

    `get` and the words of paging are rest only, as in any other request.
    """

    order_by: Columns
    every_s: Seconds = Field(alias="every")
    overlap_s: Seconds = Field(alias="overlap")
    backfill: BackfillSpec | None = None
    get: str | None = Field(None, pattern=r"^/")
    each: str | None = None
    next: str | None = None
    page: int | None = Field(None, ge=0, le=1)
    cursor: str | None = None
    size: int | None = Field(None, ge=1, le=10_000)

    @property
    def request(self) -> Request | None:
        """The request of a rest system, None where there is none."""
        if self.get is None:
            return None
        return Request(
            get=self.get, each=self.each, next=self.next, page=self.page, cursor=self.cursor,
            size=self.size, batch=None,
        )  # fmt: skip
