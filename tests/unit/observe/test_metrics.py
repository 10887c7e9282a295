"""Metrics as Prometheus reads them."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hub.observe import metrics
from hub.observe.metrics import value_of


def test_what_is_observed_is_rendered() -> None:
    labels = {"system": "erp-x", "operation": "by_key", "outcome": "SOURCE_TIMEOUT"}
    before = value_of("opshub_source_calls_total", labels)
    fresh = value_of("opshub_cache_reads_total", {"noun": "order", "outcome": "fresh"})
    metrics.observe_source_call("erp-x", "by_key", "SOURCE_TIMEOUT", 0.02)
    metrics.observe_batch("erp-x", "shipment.order", keys=50, requests=3)
    metrics.observe_request("query", "agent", outcome="ok", seconds=0.004)
    metrics.count_unmapped("erp-x", "order.status")
    metrics.count_cache_read("order", "fresh", 7)
    metrics.count_refusal("UNAUTHENTICATED")
    assert value_of("opshub_source_calls_total", labels) == before + 1
    assert (
        value_of("opshub_unmapped_values_total", {"system": "erp-x", "field": "order.status"}) == 1
    )
    assert value_of("opshub_cache_reads_total", {"noun": "order", "outcome": "fresh"}) == fresh + 7
    families = {
        family.name: family for family in text_string_to_metric_families(metrics.render().decode())
    }
    assert {name for name in families if not name.startswith("opshub_")} == set()
    assert families["opshub_batch_keys"].type == "histogram"
    assert all(family.documentation for family in families.values())


@pytest.mark.parametrize(("state", "shown"), [("UP", 1.0), ("DEGRADED", 0.5), ("DOWN", 0.0)])
def test_the_state_of_a_system_is_a_number(state: str, shown: float) -> None:
    metrics.show_system("erp-y", state)
    assert value_of("opshub_system_up", {"system": "erp-y"}) == shown
    metrics.show_system("erp-y", "UNKNOWN")
    assert value_of("opshub_system_up", {"system": "erp-y"}) == shown
