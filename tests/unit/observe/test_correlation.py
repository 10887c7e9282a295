"""Which correlation ids are taken from a caller."""

import pytest

from hub.observe.correlation import (
    accepted_correlation_id,
    correlated,
    correlation_id,
    new_correlation_id,
)


@pytest.mark.parametrize("given", ["c-123456", "A" * 64, "order:4711_x", new_correlation_id()])
def test_a_well_formed_id_is_kept(given: str) -> None:
    assert accepted_correlation_id(given) == given


@pytest.mark.parametrize(
    "given",
    [
        None, "", "short", "A" * 65, "with blank", "line\nbreak", "dots.and.*", "ünicode1",
        "a" * 8 + "\n",
    ],
)  # fmt: skip
def test_any_other_is_replaced(given: str | None) -> None:
    made = accepted_correlation_id(given)
    assert made != given
    assert len(made) == 32
    assert accepted_correlation_id(given) != made


def test_the_id_holds_inside_and_ends_outside() -> None:
    assert correlation_id.get() == ""
    with correlated("c-12345678") as outer:
        assert outer == correlation_id.get() == "c-12345678"
        with correlated(None) as inner:
            assert correlation_id.get() == inner != outer
        assert correlation_id.get() == outer
    assert correlation_id.get() == ""
