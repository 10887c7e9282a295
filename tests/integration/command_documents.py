"""The arguments of commands by what they name, and documents that try those that name a record."""

from __future__ import annotations

from collections.abc import Mapping

_FOR_ALL = "idempotencyKey expectedVersion note dryRun wait correlationId"
"""What every command is asked with: the caller's own words."""
_OWN_WORDS: Mapping[str, str] = {
    "holdOrder": f"reason {_FOR_ALL}",
    "releaseOrderHold": f"reason {_FOR_ALL}",
    "cancelOrderLines": f"lineNumbers reason {_FOR_ALL}",
    "addTimelineNote": "text visibility idempotencyKey dryRun correlationId",
    "issueCredit": f"amount currency reason {_FOR_ALL}",
    "adjustInventory": f"itemId location quantity reason {_FOR_ALL}",
}


def _checked(mutation: str, given: str, *, of: str) -> tuple[str, str]:
    """The document, which keeps nothing of it, and the noun of its `$v`."""
    document = (
        f"mutation($v: ID!) {{ f: {mutation}({of}Id: $v, {given}, dryRun: true, "
        f'idempotencyKey: "k") {{ {of} {{ number }} '
        "userErrors { code field message system evidence { name value } } } }"
    )
    return document, of


PROBED_COMMANDS: Mapping[str, tuple[str, str]] = {
    "Mutation.holdOrder(orderId)": _checked("holdOrder", "reason: MANUAL", of="order"),
    "Mutation.releaseOrderHold(orderId)": _checked("releaseOrderHold", 'reason: "r"', of="order"),
    "Mutation.cancelOrderLines(orderId)": _checked(
        "cancelOrderLines", 'reason: "r", lineNumbers: [10]', of="order"
    ),
    "Mutation.addTimelineNote(orderId)": _checked("addTimelineNote", 'text: "t"', of="order"),
    "Mutation.issueCredit(invoiceId)": _checked(
        "issueCredit", 'amount: "1", currency: "EUR", reason: "r"', of="invoice"
    ),
}

OPEN_IN_COMMANDS: Mapping[str, str] = {
    "Query.command(id)": "one's own or an operator's: tried in `tests/e2e/test_commands`",
    "Query.commands(first)": "a size",
    "Query.commands(after)": "a place among one's own",
    "Query.commands(filter)": "chooses among one's own: tried in `tests/e2e/test_commands`",
    **{
        f"Mutation.{mutation}({argument})": "the caller's own words"
        for mutation, names in _OWN_WORDS.items()
        for argument in names.split()
    },
}
"""Arguments that name nothing of a customer's, and why; items and stock are everyone's."""
