"""A value that arrived with something missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Partial:
    """What an edge gives for one parent when some of its systems failed.

    `value` is the field's value; each of `errors` becomes one error located at the field.
    """

    value: object
    errors: Sequence[Exception]
