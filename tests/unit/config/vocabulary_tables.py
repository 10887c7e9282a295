"""The tables of docs/systems-file.md, made from the canonical model."""

from hub.model.catalog import NOUNS
from hub.model.record import Field, fields_of

_SHOWN = {"text": "", "reference": "→ {to}", "children": "each {to}", "coded": "code"}


def noun_table() -> str:
    """Each noun and its fields in the model's order, each field with its kind."""
    head = ["| noun | fields |", "| --- | --- |"]
    rows = [f"| `{name}` | {_fields(name)} |" for name in NOUNS]
    return "\n".join(head + rows)


def code_table() -> str:
    """Each coded field and the codes its `values` may lead to."""
    head = ["| field | codes |", "| --- | --- |"]
    rows = [
        f"| `{name}.{field.name}` | {', '.join(field.codes.__members__)} |"
        for name in NOUNS
        for field in fields_of(NOUNS[name]).values()
        if field.codes is not None
    ]
    return "\n".join(head + rows)


def _fields(noun: str) -> str:
    return ", ".join(_told(field) for field in fields_of(NOUNS[noun]).values())


def _told(field: Field) -> str:
    kind = _SHOWN.get(field.kind, field.kind).format(to=field.to)
    return f"{field.name} ({kind})" if kind else field.name
