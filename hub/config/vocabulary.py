"""The words of the systems file that are not canonical fields. docs/systems-file.md lists them."""

from __future__ import annotations

ROLES = ("erp", "wms", "crm", "carrier", "commerce", "returns")
KINDS = ("sql", "rest", "odata", "graphql", "file")
OPEN_KINDS = ("sql", "rest")
"""The kinds this release can open; the others are words that stay reserved."""

READERS = (
    "customer", "agent", "supervisor", "analyst", "warehouse", "quality", "finance", "controller",
    "buyer", "operator", "auditor", "integration",
)  # fmt: skip
"""The roles a person or a program may have, for `visible_to`."""

ATTRIBUTE_TYPES = ("string", "integer", "decimal", "boolean", "date", "instant")
KEY_TYPES = ("integer", "text", "decimal")

OFFSET_ZONE = "offset"
"""`zone: offset` says that the native value carries its own offset."""

ITEM_UNIT = "item"
"""`unit: item` says that the quantity is in the item's base unit."""

PAGE_WORDS = frozenset({"page", "cursor", "size", "sort"})
"""Placeholders of a list request that are not fields."""

KEY_WORDS = frozenset({"keys|csv", "key"})
"""Placeholders of a request by key or by field."""

SINCE_WORD = "since"
"""The placeholder of a request for changes: the instant from which they are wanted."""

OPERATORS = frozenset({
    "eq", "ne", "in", "notIn", "gt", "gte", "lt", "lte", "between", "contains", "startsWith",
    "isNull",
})  # fmt: skip

MONEY_OR_STOCK_COMMANDS = frozenset({
    "create_credit_memo", "reverse_credit_memo", "create_refund", "adjust_inventory",
    "transfer_inventory", "reserve_inventory", "release_inventory", "post_receipt",
    "post_disposition", "create_replacement_order",
})  # fmt: skip
"""Commands whose effect must happen exactly once: refused without a `find`."""

OTHER_COMMANDS = frozenset({
    "create_return", "cancel_return", "hold_order", "release_order", "cancel_order",
    "cancel_order_line", "update_order_line", "create_case", "update_case", "add_case_message",
    "announce_return", "create_count_task",
})  # fmt: skip

NESTED_NOUNS = {
    "order_line": "order", "shipment_line": "shipment", "invoice_line": "invoice",
    "return_line": "return", "message": "case",
}  # fmt: skip
"""Nouns that exist only inside another one: as entities they need `parent`."""
