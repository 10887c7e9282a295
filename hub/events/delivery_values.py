"""The values of a declared command, from what is told and the records around it.

Records that a template names beside the event's own are read when it is sent; whatever the
audience may not read is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.config.delivery_meaning import AROUND
from hub.config.delivery_specs import DeliverySpec
from hub.config.templates import filled, names_in
from hub.events.delivery_rows import Due
from hub.events.outgoing_form import record_form, scope_for
from hub.events.ports import Reading
from hub.model.errors import OpsHubError, RecordUnknown
from hub.model.record import Record
from hub.model.values import Ref

_OF_REF = ("key", "system")


async def values_for(spec: DeliverySpec, row: Due, reading: Reading) -> dict[str, Any]:
    """The values; the OpsHubError of a system whose record could not be read is raised."""
    names = set(names_in(spec.values))
    around = await _records_around(names, row, spec, reading)
    roots = {
        "event": {"id": row.told["id"], "type": row.told["type"], "time": row.told["time"]},
        "change": (row.told["data"]["changes"] or [{}])[0],
        "entry": _entry_words(row.told["data"].get("entry", {})),
        **_forms(row),
        **around,
    }
    return dict(filled(spec.values, lambda name: _walk(roots, name), _text))


async def _records_around(
    names: set[str], row: Due, spec: DeliverySpec, reading: Reading
) -> dict[str, Any]:
    """Read those of the records around whose fields are named."""
    wanted: dict[str, Ref] = {}
    for name in sorted(names):
        root, _, field = name.partition(".")
        ref = _ref_of(row, root) if root in AROUND and field not in _OF_REF else None
        if ref is not None and ref != _own_ref(row):
            wanted[root] = ref
    if not wanted:
        return {}
    scope = scope_for(spec.when.audience)
    found = await reading.read(list(wanted.values()))
    return {
        root: _flat(record_form(_or_raise(record, ref), scope))
        for (root, ref), record in zip(wanted.items(), found, strict=True)
    }


def _or_raise(record: Record | OpsHubError | None, ref: Ref) -> Record:
    if isinstance(record, OpsHubError):
        raise record
    if record is None:
        raise RecordUnknown(ref.system, ref.noun, ref.key)
    return record


def _forms(row: Due) -> dict[str, Any]:
    """The record itself and what it belongs to, as far as the event says."""
    content = row.told["data"]
    own = content["ref"]
    record = _flat(content["record"]) if "record" in content else dict(own)
    forms = {"record": record}
    for root in AROUND:
        ref = content.get(root)
        forms[root] = record if root == own["noun"] and ref in (None, own) else dict(ref or {})
    return forms


def _flat(form: Mapping[str, Any]) -> dict[str, Any]:
    """Fields beside key and system, as templates name them."""
    own = form["ref"]
    return {"key": own["key"], "system": own["system"], **form["fields"]}


def _entry_words(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {**entry, "occurred_at": entry.get("occurredAt")}


def _own_ref(row: Due) -> Ref:
    return Ref(**row.told["data"]["ref"])


def _ref_of(row: Due, root: str) -> Ref | None:
    content = row.told["data"]
    if root == content["ref"]["noun"]:
        return _own_ref(row)
    given = content.get(root)
    return None if given is None else Ref(**given)


def _walk(roots: Mapping[str, Any], name: str) -> Any:
    """The value at a dotted name; None where it is absent or not for the audience."""
    value: Any = roots
    for step in name.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _text(name: str, value: Any) -> str:
    """Inside a longer text what is absent is nothing."""
    return "" if value is None else str(value)
