"""Scalars: exact on the way out, strict on the way in."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from graphql import GraphQLError

from resolvers.scalars import SCALARS, day_of, decimal_of, decimal_text, instant_of


@pytest.mark.parametrize(
    ("number", "text"),
    [("12.50", "12.50"), ("1E+3", "1000"), ("0E-8", "0.00000000"), ("-0.000001", "-0.000001")],
)
def test_a_decimal_keeps_its_digits_and_has_no_exponent(number: str, text: str) -> None:
    assert decimal_text(Decimal(number)) == text


@pytest.mark.parametrize(("given", "read"), [("12.50", "12.50"), (3, "3"), ("-1", "-1")])
def test_a_decimal_is_read_from_text_or_a_whole_number(given: Any, read: str) -> None:
    assert decimal_of(given) == Decimal(read)


@pytest.mark.parametrize(
    "given", [1.5, True, None, [], "", "x", "NaN", "Infinity", "1E+999999999", "9" * 39]
)
def test_a_decimal_that_is_none_is_refused(given: Any) -> None:
    with pytest.raises(GraphQLError, match=r"^Decimal: received "):
        decimal_of(given)


@pytest.mark.parametrize(
    "given", ["2026-03-01T10:30:00+01:00", "2026-03-01T09:30:00Z", "2026-03-01T09:30:00+00:00"]
)
def test_an_instant_is_read_into_utc(given: str) -> None:
    assert instant_of(given) == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert instant_of(given).tzinfo is UTC


@pytest.mark.parametrize("given", ["2026-03-01T09:30:00", "yesterday", 1, None, "2026-13-01"])
def test_an_instant_without_a_zone_is_refused(given: Any) -> None:
    with pytest.raises(GraphQLError, match=r"^DateTime: received "):
        instant_of(given)


def test_an_instant_is_written_in_rfc_3339() -> None:
    serialize: Any = SCALARS[datetime].serialize
    written = serialize(datetime(2026, 3, 1, 9, 30, tzinfo=UTC))
    assert written == "2026-03-01T09:30:00+00:00"


def test_a_day_is_read() -> None:
    assert day_of("2026-03-01") == date(2026, 3, 1)
    with pytest.raises(GraphQLError, match=r"^Date: received '2026-02-30'; expected 2026-03-01$"):
        day_of("2026-02-30")
