"""How a system is spoken to: credentials and the requests of HTTP systems."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SecretStr

from hub.config.field_specs import Node, Short, Table


class BasicSpec(Short):
    """User and password of HTTP basic authentication; `user:password` is the short form."""

    user: str
    password: SecretStr

    @classmethod
    def _spell_out(cls, word: str) -> dict[str, Any]:
        user, _, password = word.partition(":")
        return {"user": user, "password": password}


class AuthSpec(Node):
    """Exactly one way to say who the hub is: a bearer token, basic, or named headers."""

    bearer: SecretStr | None = None
    basic: BasicSpec | None = None
    header: Annotated[dict[str, SecretStr], Field(min_length=1)] | None = None


class Request(Short):
    """One request template of an HTTP system.

    `get` is a path with placeholders: `{keys|csv}` or `{key}` when asked by key or by field,
    `{field}` and `{field.operator}` in lists, `{page}`, `{cursor}`, `{size}`, `{sort}` for pages.
    `each` is the path of the records in the answer, absent where the answer is the records.
    Pages end by exactly one of: `next` (path of the next page's link), `page` (number of the first
    page; a page shorter than `size` is the last), `cursor` (path of the next cursor), or not at
    all. `sort` is the native word per canonical order, `-placed_at` meaning descending.
    """

    get: str = Field(pattern=r"^/")
    each: str | None = None
    batch: int | None = Field(None, ge=1, le=10_000)
    next: str | None = None
    page: int | None = Field(None, ge=0, le=1)
    cursor: str | None = None
    size: int | None = Field(None, ge=1, le=10_000)
    sort: Table | None = None

    @classmethod
    def _spell_out(cls, word: str) -> dict[str, Any]:
        return {"get": word}
