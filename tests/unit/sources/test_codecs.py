"""Formats are pairs of functions: what one writes the other reads."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.codecs import moment_of, template_of
from sources.numbers import decimal_of, major_units, minor_units, numeral_of, text_of

PADDED = template_of("SO-{:0>10}")
KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=30)
TEMPLATES = st.sampled_from(
    ["SO-{:0>10}", "{}", "{:0>8}", "A{}Z", "{: >6}", "{:_<12}x", "{:010d}", "é{:*>5}é"]
)


@given(TEMPLATES, KEYS)
def test_what_a_template_renders_it_inverts(text: str, key: str) -> None:
    template = template_of(text)
    try:
        native = template.render(key)
    except ValueError:
        return  # the key has no native form: it is refused, never written as another one
    assert template.invert(native) == key


@given(TEMPLATES, KEYS)
def test_what_a_template_reads_it_renders_to_the_same_key(text: str, native: str) -> None:
    template = template_of(text)
    try:
        key = template.invert(native)
    except ValueError:
        return
    assert template.invert(template.render(key)) == key


@pytest.mark.parametrize(
    ("key", "native"),
    [("100123", "SO-0000100123"), ("0", "SO-0000000000"), ("A1", "SO-00000000A1")],
)
def test_a_padded_key(key: str, native: str) -> None:
    assert PADDED.render(key) == native
    assert PADDED.invert(native) == key


@pytest.mark.parametrize("native", ["SO-1", "XX-0000100123", "", "SO-", "so-0000100123"])
def test_a_value_of_another_form_is_refused(native: str) -> None:
    with pytest.raises(ValueError, match="SO-"):
        PADDED.invert(native)


def test_a_key_with_leading_fill_has_no_native_form() -> None:
    with pytest.raises(ValueError, match="no native form"):
        PADDED.render("0100")


@pytest.mark.parametrize("text", ["SO", "{}{}", "{a}", "{:0^9}", "{:>10.2f}", "{!r}x{}"])
def test_a_template_without_one_plain_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="placeholder"):
        template_of(text)


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/Chicago", "Australia/Lord_Howe"])


@given(st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)), ZONES)  # noqa: DTZ001
def test_instants_survive_their_native_form(drawn: datetime, zone: str) -> None:
    instant = drawn.replace(tzinfo=UTC, microsecond=0)
    moment = moment_of("%Y%m%d %H%M%S", zone, columns=2)
    again = moment.parse(moment.render(instant))
    if instant.astimezone(ZoneInfo(zone)).fold:  # the second of a doubled hour reads as the first
        assert again < instant
    else:
        assert again == instant


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2024-10-27 02:30:00", datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),  # happens twice
        ("2024-03-31 02:30:00", datetime(2024, 3, 31, 1, 30, tzinfo=UTC)),  # never happens
        ("2024-03-31 03:00:00", datetime(2024, 3, 31, 1, 0, tzinfo=UTC)),
        ("2024-01-31T09:30:00+05:30", datetime(2024, 1, 31, 4, 0, tzinfo=UTC)),
    ],
)
def test_clock_changes_are_read_one_way(local: str, utc: datetime) -> None:
    assert moment_of(None, "Europe/Berlin", columns=1).parse([local]) == utc


@pytest.mark.parametrize("value", [0, 1, 93000, "093000", Decimal("93000")])
def test_numbers_get_their_lost_zeros_back(value: object) -> None:
    found = moment_of("%Y%m%d %H%M%S", "UTC", columns=2).parse([20240131, value])
    hours = {0: (0, 0, 0), 1: (0, 0, 1)}.get(value if isinstance(value, int) else -1, (9, 30, 0))
    assert (found.hour, found.minute, found.second) == hours


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        moment_of(None, None, columns=1).parse(["2024-01-31 09:30:00"])


@given(st.integers(-(10**12), 10**13))
def test_counts_since_1970(count: int) -> None:
    moment = moment_of("epoch_ms", None, columns=1)
    assert moment.render(moment.parse([count])) == (count,)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_a_double_gives_back_the_decimal_that_was_stored(number: Decimal) -> None:
    assert decimal_of(float(number)) == number


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_notations_by_example(number: Decimal) -> None:
    english = f"{number:,}"
    german = english.replace(",", "_").replace(".", ",").replace("_", ".")
    assert numeral_of("1,234.56")(english) == number
    assert numeral_of("1.234,56")(german) == number


@given(st.integers(-(10**9), 10**9), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_cents_are_those_of_the_currency(count: int, currency: str) -> None:
    assert minor_units(major_units(Decimal(count), currency), currency) == count
    assert major_units(Decimal(1234), "JPY") == Decimal(1234)
    assert major_units(Decimal(1234), "KWD") == Decimal("1.234")


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "1_000", "", "x", True, None, [], float("nan"), "1E+999999", b"1"]
)
def test_what_is_no_exact_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="number"):
        decimal_of(value)


@pytest.mark.parametrize(
    ("native", "text"),
    [(1, "1"), (Decimal("100.00"), "100"), (1.5, "1.5"), (True, "true"), ("007", "007")],
)
def test_the_text_of_a_native_value(native: object, text: str) -> None:
    assert text_of(native) == text
