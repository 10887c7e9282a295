"""What is told outside, to whom and how: the section `deliveries` of the systems file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, WithJsonSchema

from hub.config.command_specs import as_json
from hub.config.field_specs import Node, Seconds

YOUNGER_THAN_S = 86_400.0
"""How old a fact may be that is told for the first time, where a delivery does not say."""

Audience = Literal["customer", "partner", "internal"]

_WORD_OR_WORDS: dict[str, Any] = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 32},
    ]
}


def _several(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


Words = Annotated[
    tuple[str, ...],
    BeforeValidator(_several),
    Field(min_length=1, max_length=32),
    WithJsonSchema(_WORD_OR_WORDS),
]
"""One word or several."""

Secrets = Annotated[
    tuple[SecretStr, ...],
    BeforeValidator(_several),
    Field(min_length=1, max_length=4),
    WithJsonSchema(_WORD_OR_WORDS),
]
"""One secret, or several while one takes over from another."""


class WhenSpec(Node):
    """Which events are told: of this noun, one of these changes.

    `to` are the statuses that are news, none for all; `systems` the systems whose records are
    told, none for all. `audience` decides what is left out of what is told. What happened
    `younger_than_s` or longer before it was first told is no news.
    """

    noun: str
    change: Words
    to: Words | None = None
    systems: Words | None = None
    audience: Audience
    younger_than_s: Seconds = Field(YOUNGER_THAN_S, alias="younger_than")


class WebhookSpec(Node):
    """An address that is told by a signed POST. With several secrets each signs."""

    url: SecretStr
    secret: Secrets
    headers: dict[str, SecretStr] = Field(default_factory=dict)


class DeliverySpec(Node):
    """One delivery. Exactly one of webhook and command; `values` are the command's own."""

    name: str
    when: WhenSpec
    webhook: WebhookSpec | None = None
    command: str | None = None
    values: Annotated[dict[str, Any], BeforeValidator(as_json)] = Field(default_factory=dict)
