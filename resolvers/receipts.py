"""The receipt of a command: what the caller is told at once, and again under the same key."""

from __future__ import annotations

from datetime import datetime

import strawberry

from hub.commands.words import CommandStatus, Receipt
from resolvers.edges import told
from resolvers.fields import computed, represents
from resolvers.user_errors import NamedValue, words_of


@represents(Receipt)
@strawberry.type(description="What has become of a command so far.")
class CommandReceipt:
    id: strawberry.ID = told("Names it in `command` and `commandStatusChanged`.")
    status: CommandStatus = told("Where it stands.")
    replayed: bool = told("Whether the key was known: nothing new was begun.")
    correlation_id: str = told("Follows it through every system.")
    accepted_at: datetime = told("When it was taken on, or refused.")
    result: list[NamedValue] = computed(
        lambda receipt: words_of(receipt.result),
        description="What its system said, such as the number of the credit memo.",
    )
