"""An order without a correlation id of its own has one that follows from its ref."""

from datetime import UTC, datetime

from hub.model.correlation import correlation_id_of, derived_correlation_id
from hub.model.order import Order
from hub.model.values import Ref

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REF = Ref("order", "erp-eu", "100123")


def order(correlation_id: str | None) -> Order:
    return Order(ref=REF, as_of=NOON, fetched_at=NOON, correlation_id=correlation_id)


def test_the_sources_own_stands() -> None:
    assert correlation_id_of(order("web-77")) == "web-77"


def test_it_is_the_same_for_ever() -> None:
    assert correlation_id_of(order(None)) == derived_correlation_id(REF) == "order-7fjomicwhg4ktm4c"


def test_each_ref_has_another() -> None:
    refs = [
        Ref("order", system, str(key)) for system in ("erp-eu", "erp-us") for key in range(5_000)
    ]
    assert len({derived_correlation_id(ref) for ref in refs}) == 10_000
