"""The fixed calendar and the seeded dice of the plan."""

from datetime import UTC, date, datetime, timedelta
from random import Random

REFERENCE_AT = datetime(2026, 11, 1, tzinfo=UTC)
"""The plan's present. Nothing planned happened after it."""

HISTORY_DAYS = 400
"""Days before the present in which the orders were placed; over a year, so that numbers recur."""

SEED = 20261101


def dice(topic: str) -> Random:
    """A generator of its own per topic, so that a change in one does not shift the others."""
    return Random(f"{SEED}:{topic}")


def days_before_reference(day: float) -> datetime:
    return REFERENCE_AT - timedelta(days=day)


def age_days(moment: datetime) -> float:
    return (REFERENCE_AT - moment) / timedelta(days=1)


def at_office_hour(day: date, rng: Random, *, opens_utc: int) -> datetime:
    """A second within the ten office hours of that day; never near a clock change at night."""
    seconds = opens_utc * 3600 + rng.randrange(10 * 3600)
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds)
