"""How foreign systems write instants, days and amounts."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo


def local(moment: datetime | None, zone: str, form: str) -> str | None:
    """The instant on the wall clock of a place, without saying which place."""
    return None if moment is None else moment.astimezone(ZoneInfo(zone)).strftime(form)


def in_utc(moment: datetime | None, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str | None:
    return None if moment is None else moment.strftime(form)


def day(moment: date | None, form: str) -> str | None:
    return None if moment is None else moment.strftime(form)


def number(amount: Decimal) -> float | int:
    """SQLite has no decimals: a whole number, or the nearest binary fraction (15 digits hold)."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def utc_reader(form: str) -> Callable[[str], str]:
    """Reads any ISO instant a caller may send and writes it the way the column does, in UTC."""

    def read(text: str) -> str:
        moment = datetime.fromisoformat(text)
        return (
            (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).strftime(form)
        )

    return read


def wall_reader(zone: str) -> Callable[[str], str]:
    """Reads an ISO instant, or the wall clock itself, and writes it on the wall clock of a zone."""

    def read(text: str) -> str:
        moment = datetime.fromisoformat(text)
        local_moment = moment.astimezone(ZoneInfo(zone)) if moment.tzinfo else moment
        return local_moment.strftime("%Y-%m-%d %H:%M:%S")

    return read


def now() -> datetime:
    return datetime.now(UTC)


def inverted(codes: Mapping[str, str]) -> Mapping[str, str]:
    return {native: word for word, native in codes.items()}
