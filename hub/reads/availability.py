"""Availability per SKU and location, asked of every system that knows stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from hub.model.errors import OpsHubError
from hub.model.inventory import AvailabilityMode, InventoryPosition
from hub.model.values import Staleness
from hub.reads.answers import Availability
from hub.reads.asking import Asking
from hub.reads.availability_rules import Told, availability_of
from hub.reads.lanes import Answer
from hub.reads.memory import Asked
from hub.reads.port import RecordSource
from hub.reads.relations import POSITIONS_BY_SKU, can_answer

_NOUN, _FIELD = POSITIONS_BY_SKU.noun, POSITIONS_BY_SKU.by


async def availability_by_sku(
    asking: Asking,
    sources: Mapping[str, RecordSource],
    now: datetime,
    wanted: tuple[Sequence[str], Sequence[str] | None],
) -> list[Availability]:
    """`wanted` is SKUs and locations (None: all). By SKU as asked, then location, then failures.

    A SKU nobody stocks has no row.
    """
    skus, locations = wanted
    asked = [
        Asked(name, _NOUN, _FIELD, sku)
        for sku in dict.fromkeys(skus)
        for name, source in sources.items()
        if _NOUN in source.nouns and can_answer(source.nouns[_NOUN], _FIELD, None)
    ]
    answers = dict(zip(asked, await asking.answers(asked), strict=True))
    rows: list[Availability] = []
    for sku in dict.fromkeys(skus):
        told = {each.system: answer for each, answer in answers.items() if each.value == sku}
        rows += _known(sku, told, sources, locations, now)
        rows += [row for name, answer in told.items() for row in _failed(sku, name, answer)]
    return rows


def _known(
    sku: str,
    told: Mapping[str, Answer],
    sources: Mapping[str, RecordSource],
    locations: Sequence[str] | None,
    now: datetime,
) -> list[Availability]:
    by_location: dict[str | None, list[Told]] = {}
    for name, answer in told.items():
        source = sources[name]
        code = None if answer.failure is None else answer.failure.code
        for row in answer.value if isinstance(answer.value, tuple) else ():
            if isinstance(row, InventoryPosition) and _is_wanted(row, locations):
                by_location.setdefault(row.location, []).append(
                    Told(row, source.role, source.nouns[_NOUN].fields, answer.staleness, code)
                )
    places = sorted(by_location, key=lambda place: (place is None, place or ""))
    return [availability_of(sku, place, by_location[place], now=now) for place in places]


def _is_wanted(row: InventoryPosition, locations: Sequence[str] | None) -> bool:
    return locations is None or row.location in locations


def _failed(sku: str, system: str, answer: Answer) -> list[Availability]:
    """A system that could not be asked, or told a position that cannot be read: nobody knows."""
    value = answer.value
    rows = value if isinstance(value, tuple) else (value,)
    return [
        Availability(
            sku=sku,
            location=None,
            systems=(system,),
            mode=AvailabilityMode.UNKNOWN,
            reasons=("SYSTEM_FAILED",),
            staleness=Staleness.UNAVAILABLE,
            code=row.code,
        )
        for row in rows
        if isinstance(row, OpsHubError)
    ]
