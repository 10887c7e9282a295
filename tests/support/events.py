"""Events to try things with: simple ones by number, and generated ones of every noun."""

from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any

from hypothesis import strategies as st

from hub.events.event import STATUS_CHANGED, TIMELINE, Event, StatusChange
from hub.model.catalog import NOUNS
from hub.model.record import Field, Record, fields_of
from hub.model.shipment import Shipment
from hub.model.timeline import TimelineCategory, TimelineEntry
from hub.model.values import Attribute, AttributeType, Money, Quantity, Ref
from tests.support.stores import NOON


def numbered_event(number: int, *, at: datetime = NOON, key: str | None = None) -> Event:
    """An event of a small shipment; each number another."""
    ref = Ref("shipment", "wms-north", key or f"S{number % 50}")
    when = at + timedelta(milliseconds=number)
    return Event(
        id=f"event-{number}",
        noun="shipment",
        change=STATUS_CHANGED,
        ref=ref,
        version=number,
        occurred_at=when,
        recorded_at=at,
        record=Shipment(ref=ref, as_of=when, fetched_at=when, number=f"SH-{number}"),
        changes=(StatusChange("status", "PICKED", "SHIPPED"),),
        traceparent=f"00-{number + 1:032x}-{number + 1:016x}-01",
    )


_TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
_EARLIEST, _LATEST = (
    datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (1990, 2090)
)
_INSTANTS = st.datetimes(_EARLIEST, _LATEST, timezones=st.just(UTC))
_DECIMALS = st.decimals(-10_000_000, 10_000_000, allow_nan=False, places=4)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": _TEXTS,
    "whole": st.integers(-(2**53), 2**53),
    "flag": st.booleans(),
    "decimal": _DECIMALS,
    "instant": _INSTANTS,
    "day": st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    "money": st.builds(Money, _DECIMALS, st.sampled_from(("USD", "EUR"))),
    "quantity": st.builds(Quantity, _DECIMALS, st.sampled_from(("EA", "KGM"))),
    "texts": st.lists(_TEXTS, max_size=3).map(tuple),
}
_ATTRIBUTES = st.builds(
    Attribute,
    key=_TEXTS,
    type=st.sampled_from(AttributeType),
    value=st.none() | _TEXTS,
    system=_TEXTS,
    visible_to=st.frozensets(st.sampled_from(("agent", "customer"))),
)


def refs(noun: str) -> st.SearchStrategy[Ref]:
    return st.builds(Ref, st.just(noun), _TEXTS, _TEXTS)


def records(noun: type[Record]) -> st.SearchStrategy[Record]:
    """Records of the noun with any of its fields absent."""
    values = {name: _field_values(field) for name, field in fields_of(noun).items()}
    return st.builds(
        noun,
        ref=refs(noun.NOUN),
        as_of=_INSTANTS,
        fetched_at=_INSTANTS,
        attributes=st.lists(_ATTRIBUTES, max_size=2).map(lambda some: {a.key: a for a in some}),
        **values,
    )


def _field_values(field: Field) -> st.SearchStrategy[Any]:
    if field.kind == "children":
        children = records(NOUNS[str(field.to)])
        return st.none() | st.lists(children, max_size=1).map(tuple)
    if field.kind == "reference":
        return st.none() | refs(str(field.to))
    if field.codes is not None:
        codes: type[Enum] = field.codes
        return st.none() | st.sampled_from(codes)
    return st.none() | _VALUES[field.kind]


def entries(collapsed: int = 1) -> st.SearchStrategy[TimelineEntry]:
    """Timeline entries; some collapse others."""
    inner = st.lists(entries(collapsed - 1), max_size=2).map(tuple) if collapsed else st.just(())
    maybe = st.none() | _TEXTS
    return st.builds(
        TimelineEntry,
        natural_key=_TEXTS, order=refs("order"), category=st.sampled_from(TimelineCategory),
        type=_TEXTS, title=_TEXTS, system=_TEXTS, occurred_at=_INSTANTS, observed_at=_INSTANTS,
        message=maybe, sequence=st.none() | st.integers(1, 999), recorded_at=st.none() | _INSTANTS,
        subject=st.none() | refs("case"), quantity=st.none() | _VALUES["quantity"],
        money=st.none() | _VALUES["money"], is_late=st.booleans(),
        duplicate_count=st.integers(0, 9), collapsed=inner, change_to=maybe,
    )  # fmt: skip


def events(noun: str) -> st.SearchStrategy[Event]:
    """Events of a noun, or of the timeline."""
    is_entry = noun == TIMELINE
    changes = st.builds(StatusChange, _TEXTS, st.none() | _TEXTS, st.none() | _TEXTS)
    maybe = st.none() | _TEXTS
    return st.builds(
        Event,
        id=_TEXTS, noun=st.just(noun), change=st.sampled_from(("changed", STATUS_CHANGED)),
        ref=refs("order" if is_entry else noun), version=st.integers(0, 2**62),
        occurred_at=_INSTANTS, recorded_at=_INSTANTS,
        order=st.none() | refs("order"), shipment=st.none() | refs("shipment"),
        customer=st.none() | refs("customer"), business_unit=maybe,
        changes=st.lists(changes, max_size=2).map(tuple),
        record=st.none() if is_entry else st.none() | records(NOUNS[noun]),
        entry=entries() if is_entry else st.none(),
        correlation_id=maybe, causation_id=maybe, traceparent=maybe, is_replayed=st.booleans(),
        position=st.integers(1, 2**62),
    )  # fmt: skip
