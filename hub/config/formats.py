"""The small written forms of the systems file: durations, quotas, key templates, number formats."""

from __future__ import annotations

import re

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|min|h|d)")
_QUOTA = re.compile(r"([1-9]\d*)/(s|min|h|d)")
_TEMPLATE = re.compile(r"([^{}]*)\{(?::(?:(.)?([<>]))?(0)?([1-9]\d?)?[ds]?)?\}([^{}]*)")

DURATION_FORM = "a duration such as 1500ms, 2s, 10m, 1h or 7d"
QUOTA_FORM = "calls per time such as 600/min, 10/s or 5000/h"
TEMPLATE_FORM = "text around one {} or {:0>10} (fill, < or >, width), so that it can be inverted"

NUMBER_FORMATS = frozenset({"1234.56", "1,234.56", "1.234,56", "1234,56", "1 234,56", "cents"})
"""How `read` names the notation of a number: by example; `cents` counts the smallest unit."""

INSTANT_WORDS = frozenset({"iso", "epoch_s", "epoch_ms"})
"""What `read` may say of an instant beside a strptime pattern."""


def duration_s(text: str) -> float:
    """Seconds in `1500ms`, `2s`, `10m` (or `10min`), `1h`, `7d`; ValueError for anything else."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(DURATION_FORM)
    return float(found[1]) * _UNITS_S[found[2]]


def quota(text: str) -> tuple[int, float]:
    """Calls, and the seconds they are spread over; ValueError for anything else."""
    found = _QUOTA.fullmatch(text)
    if found is None:
        raise ValueError(QUOTA_FORM)
    return int(found[1]), _UNITS_S[found[2]]


def is_invertible(template: str) -> bool:
    """Whether a `write` template can be read backwards: one hole, and a fill that can be cut off.

    Aligning left with digits (`{:0<6}`) is not: the zeros of 1200 could be fill or number.
    """
    found = _TEMPLATE.fullmatch(template)
    if found is None:
        return False
    fill, side = found[2], found[3]
    return not (side == "<" and fill is not None and fill.isalnum())
