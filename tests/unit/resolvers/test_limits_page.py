"""docs/limits.md says what the code does, number by number."""

import re
from dataclasses import fields
from pathlib import Path

from strawberry.utils.str_converters import to_camel_case

from hub.security.budget import (
    NEW_DOCUMENT_UNITS,
    REFILL_PER_S,
    REQUEST_MAX,
    REQUEST_MIN,
    SAVED_S,
)
from hub.security.introspection import MAY_INTROSPECT
from hub.security.principal import CallerClass
from resolvers.cost_estimate import INTROSPECTION_UNITS, LIST_ROWS, PAGE_ROWS, ROWS_PER_UNIT
from resolvers.engine.plan_cache import PLANS_MAX, REFUSALS_MAX
from resolvers.limits import Limits

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "limits.md").read_text()


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def test_every_limit_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \|", PAGE, re.MULTILINE)
    limits = {to_camel_case(each.name): getattr(Limits(), each.name) for each in fields(Limits)}
    assert {name: _number(allowed) for name, allowed in rows} == limits


def test_every_budget_has_its_row() -> None:
    rows = re.findall(r"^\| (\w+) \| ([\d,]+) \| ([\d,]+) \|$", PAGE, re.MULTILINE)
    assert {name: (_number(rate), _number(saved)) for name, rate, saved in rows} == {
        caller.value: (rate, rate * SAVED_S) for caller, rate in REFILL_PER_S.items()
    }


def test_every_profile_has_its_roles() -> None:
    rows = re.findall(r"^\| (development|production) \| (.+) \|$", PAGE, re.MULTILINE)
    assert {profile: set(roles.split(", ")) for profile, roles in rows} == {
        profile: {role.value for role in roles} for profile, roles in MAY_INTROSPECT.items()
    }


def test_the_numbers_in_the_text_hold() -> None:
    assert (ROWS_PER_UNIT, LIST_ROWS, PAGE_ROWS) == (10, 5, 50)
    assert (NEW_DOCUMENT_UNITS, REQUEST_MIN) == (20, 1)
    rates = {each.value: REFILL_PER_S[each] / NEW_DOCUMENT_UNITS for each in CallerClass}
    assert rates == {"customer": 2.5, "agent": 25, "analyst": 10}
    assert (PLANS_MAX, REFUSALS_MAX) == (512, 256)
    assert (REQUEST_MAX, INTROSPECTION_UNITS) == (10_000, 100)
