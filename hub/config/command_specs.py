"""What a system can be told to do. Declared and checked here; carried out by the command path."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr

from hub.config.connection_specs import AuthSpec
from hub.config.documents import PlainText
from hub.config.field_specs import Node, Seconds, Table

_JSON_WORDS: dict[str, Any] = {"true": True, "false": False}


def as_json(given: Any) -> Any:
    """Unquoted scalars as JSON would read them; quoted ones stay text."""
    if isinstance(given, dict):
        return {key: as_json(each) for key, each in given.items()}
    if isinstance(given, list):
        return [as_json(each) for each in given]
    if isinstance(given, PlainText):
        whole = given.removeprefix("-")
        return _JSON_WORDS.get(given, int(given) if whole.isdecimal() else str(given))
    return given


class Over(Node):
    """Another connection than the one that is read: reads by SQL, writes by the system's API."""

    kind: Literal["sql", "rest", "odata", "graphql"]
    url: SecretStr
    auth: AuthSpec | None = None


class BodyRequest(Node):
    """A request with a body; `{...}` in path and body are the command's own values."""

    path: str = Field(pattern=r"^/")
    body: Annotated[dict[str, Any], BeforeValidator(as_json)] = Field(default_factory=dict)


class FindSpec(Node):
    """How an effect is looked up by our reference.

    *Not found* counts only after `settles_within_s`. Where the system does not keep references
    unique, sending again waits for a person.
    """

    get: str | None = Field(None, pattern=r"^/")
    sql: str | None = None
    each: str | None = None
    settles_within_s: Seconds = Field(alias="settles_within")
    reference_unique: bool


class RefusalSpec(Node):
    """When an answer is the system's business refusal, and where it says why."""

    status: Annotated[tuple[Annotated[int, Field(ge=400, le=599)], ...], Field(min_length=1)]
    message: str | None = None


class CommandSpec(Node):
    """One command. Exactly one of post, put, patch or sql sends it."""

    name: str
    over: Over | None = None
    post: BodyRequest | None = None
    put: BodyRequest | None = None
    patch: BodyRequest | None = None
    sql: str | None = None
    result: Table | None = None
    find: FindSpec | None = None
    refused_when: RefusalSpec | None = None
