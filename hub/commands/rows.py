"""Rows of the ledger and what they say. JSON in text columns; a decimal keeps every digit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Interval, func, literal, type_coerce

from hub.commands.steps import Step
from hub.commands.words import Command, CommandStatus, Receipt, UserError, Wish
from hub.events.commanding import Values
from hub.model.values import Ref
from hub.store.columns import Instant
from hub.store.engine import Store

_DECIMAL = "$decimal"


def from_now(store: Store, later_s: float) -> ColumnElement[datetime]:
    """So long after now, by the clock of the database; SQLite's is the machine's."""
    later = timedelta(seconds=later_s)
    if store.is_sqlite:
        return literal(datetime.now(UTC) + later, Instant)
    return type_coerce(func.clock_timestamp() + literal(later, Interval), Instant)


def about_of(wish: Wish) -> str:
    """What belongs to a command and is never asked for by itself."""
    return to_json(
        {
            "subject": list(wish.subject),
            "customer": None if wish.customer is None else list(wish.customer),
            "businessUnit": wish.business_unit,
            "note": wish.note,
            "expectedVersion": wish.expected_version,
        }
    )


def command_of(row: Mapping[Any, Any]) -> Command:
    """The command as people look at it."""
    about = orjson.loads(row["about"])
    return Command(
        receipt=receipt_of(row),
        actor=row["actor"],
        mutation=row["mutation"],
        key=row["key"],
        payload=orjson.loads(row["payload"]),
        aggregate=row["aggregate"],
        subject=Ref(*about["subject"]),
        order=order_of(row),
        customer=ref_of(about["customer"]),
        business_unit=about["businessUnit"],
        command=row["command"],
        system=row["system"],
        note=about["note"],
        version=row["version"],
        attempts=row["attempts"],
        waits_for_person=row["step"] == Step.PERSON.value,
        due_at=row["due_at"],
        changed_at=row["changed_at"],
        ended_at=row["ended_at"],
    )


def receipt_of(row: Mapping[Any, Any]) -> Receipt:
    """What its actor is told now."""
    return Receipt(
        id=row["id"],
        status=CommandStatus(row["status"]),
        correlation_id=row["correlation_id"],
        accepted_at=row["accepted_at"],
        user_errors=errors_of(row["errors"]),
        result=orjson.loads(row["result"]),
    )


def order_of(row: Mapping[Any, Any]) -> Ref | None:
    key = row["order_key"]
    return None if key is None else Ref("order", row["order_system"], key)


def ref_of(given: Sequence[str] | None) -> Ref | None:
    return None if given is None else Ref(*given)


def errors_json(errors: Sequence[UserError]) -> str:
    return to_json(
        [
            {
                "code": each.code,
                "message": each.message,
                "field": each.field,
                "retryable": each.retryable,
                "system": each.system,
                "evidence": dict(each.evidence),
            }
            for each in errors
        ]
    )


def errors_of(text: str) -> tuple[UserError, ...]:
    return tuple(UserError(**each) for each in orjson.loads(text))


def inputs_json(values: Values) -> str:
    """The values of a command; TypeError for what JSON and decimals have no word for."""
    return to_json(_written(values))


def inputs_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = _read(orjson.loads(text))
    return found


def to_json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _written(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {_DECIMAL: format(value, "f")}
    if isinstance(value, Mapping):
        return {str(name): _written(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_written(each) for each in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"a value of a command is {type(value).__name__}; expected JSON or a Decimal")


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(each) for each in value]
    if isinstance(value, dict):
        if value.keys() == {_DECIMAL}:
            return Decimal(value[_DECIMAL])
        return {name: _read(each) for name, each in value.items()}
    return value
