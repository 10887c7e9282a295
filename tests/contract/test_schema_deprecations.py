"""Everything deprecated in the published schema says when it goes, and goes on that day."""

from datetime import UTC, datetime
from pathlib import Path

from graphql import build_schema

from resolvers.usage_deprecations import (
    coordinates_of_schema,
    deprecation_problems,
    deprecations_of,
)

SCHEMA = build_schema((Path(__file__).resolve().parents[2] / "schema.graphql").read_text())


def test_every_deprecation_names_a_day_that_has_not_come() -> None:
    today = datetime.now(UTC).date()
    assert deprecation_problems(deprecations_of(SCHEMA), today=today) == []


def test_the_rule_reaches_the_whole_schema() -> None:
    coordinates = coordinates_of_schema(SCHEMA)
    assert {
        "Query.order", "Query.order(number:)", "Sourced.id", "OrderStatus.ON_HOLD",
        "SourceRefInput.system",
    } <= coordinates  # fmt: skip
