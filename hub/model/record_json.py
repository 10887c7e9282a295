"""A record as JSON and back, field by field as its noun declares them. Pure.

What events carry between processes and what the store keeps of them. Decimals are text, instants
ISO 8601 in UTC, codes their canonical names; a field that is absent is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import orjson

from hub.model.catalog import NOUNS
from hub.model.errors import UnmappedValue
from hub.model.record import Field, Kind, Record, fields_of
from hub.model.values import Attribute, AttributeType, Money, Quantity, Ref

Json = dict[str, Any]


def record_to_json(record: Record) -> Json:
    """The whole record; `record_from_json` gives an equal one."""
    return {
        "ref": list(record.ref),
        "asOf": record.as_of.isoformat(),
        "fetchedAt": record.fetched_at.isoformat(),
        "fields": _fields_to_json(record),
        "attributes": {key: _attribute_to_json(one) for key, one in record.attributes.items()},
        "gaps": [[gap.system, gap.field, gap.received, list(gap.known)] for gap in record.gaps],
    }


def record_from_json(given: Mapping[str, Any]) -> Record:
    """The record; KeyError or ValueError where the JSON was not made by `record_to_json`."""
    ref = Ref(*given["ref"])
    noun = NOUNS[ref.noun]
    fields = fields_of(noun)
    values = {name: _value(fields[name], value) for name, value in given["fields"].items()}
    return noun(
        ref=ref,
        as_of=datetime.fromisoformat(given["asOf"]),
        fetched_at=datetime.fromisoformat(given["fetchedAt"]),
        attributes={key: _attribute(key, one) for key, one in given["attributes"].items()},
        gaps=tuple(UnmappedValue(s, f, r, tuple(known)) for s, f, r, known in given["gaps"]),
        **values,
    )


def content_hash(record: Record) -> str:
    """32 hex digits over what the record says, whenever it was said or read."""
    attributes = {key: one.value for key, one in record.attributes.items()}
    said = [_fields_to_json(record, is_content=True), attributes]
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _fields_to_json(record: Record, *, is_content: bool = False) -> Json:
    return {
        name: _to_json(field, value, is_content)
        for name, field in fields_of(type(record)).items()
        if (value := getattr(record, name)) is not None
        if not (is_content and name == "updated_at")  # when it was said is not what it says
    }


def _to_json(field: Field, value: Any, is_content: bool) -> Any:
    if field.kind == "children":
        if is_content:
            return [_fields_to_json(child, is_content=True) for child in value]
        return [record_to_json(child) for child in value]
    return _TO_JSON[field.kind](value)


def _value(field: Field, value: Any) -> Any:
    if field.kind == "coded":
        assert field.codes is not None  # every coded field has its enum
        return field.codes(value)
    return _FROM_JSON[field.kind](value)


def _as_it_is(value: Any) -> Any:
    return value


_TO_JSON: dict[Kind, Callable[[Any], Any]] = {
    "text": _as_it_is,
    "whole": _as_it_is,
    "flag": _as_it_is,
    "decimal": str,
    "instant": lambda at: at.isoformat(),
    "day": lambda on: on.isoformat(),
    "money": lambda money: [str(money.amount), money.currency],
    "quantity": lambda quantity: [str(quantity.value), quantity.uom],
    "coded": lambda code: code.value,
    "texts": list,
    "reference": list,
}

_FROM_JSON: dict[Kind, Callable[[Any], Any]] = {
    "text": _as_it_is,
    "whole": _as_it_is,
    "flag": _as_it_is,
    "decimal": Decimal,
    "instant": datetime.fromisoformat,
    "day": date.fromisoformat,
    "money": lambda given: Money(Decimal(given[0]), given[1]),
    "quantity": lambda given: Quantity(Decimal(given[0]), given[1]),
    "texts": tuple,
    "reference": lambda given: Ref(*given),
    "children": lambda given: tuple(record_from_json(child) for child in given),
}


def _attribute_to_json(attribute: Attribute) -> Json:
    return {
        "type": attribute.type.value,
        "value": attribute.value,
        "system": attribute.system,
        "visibleTo": sorted(attribute.visible_to),
    }


def _attribute(key: str, given: Mapping[str, Any]) -> Attribute:
    return Attribute(
        key,
        AttributeType(given["type"]),
        given["value"],
        given["system"],
        frozenset(given["visibleTo"]),
    )
