"""What counts as the same value when records of several systems are compared."""

from decimal import Decimal
from typing import Any

import pytest

from hub.model.customer import CustomerStatus
from hub.store.reference_rules import normalised


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("name", "Müller  GmbH", " MÜLLER gmbh"),
        ("name", "\uff23afe", "cafe"),
        ("name", "Straße", "STRASSE"),
        ("tax_number", "DE 123.456-7", "de1234567"),
        ("phone", "+49 (30) 123", "4930123"),
        ("email", "A@B.example ", "a@b.example"),
    ],
)
def test_the_same_value_written_differently(field: str, one: str, other: str) -> None:
    assert normalised(field, one) == normalised(field, other) != ""


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("name", "Müller", "Muller"),
        ("email", "a.b@c.example", "ab@c.example"),
        ("number", "1001", "01001"),
        ("name", "A-B", "AB"),
    ],
)
def test_different_values_stay_different(field: str, one: str, other: str) -> None:
    assert normalised(field, one) != normalised(field, other)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), ("  ", ""), (CustomerStatus.ACTIVE, "active"), (Decimal("1.0"), "1.0")],
)
def test_no_value_is_no_text(value: Any, expected: str) -> None:
    assert normalised("name", value) == expected
