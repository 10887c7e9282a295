"""The price of a request: estimated and charged before it runs, corrected when it has run.

    asked = engine.request(query, variables=…, operation_name=…, may_introspect=…)
    if isinstance(asked, list): …                     # refused: errors, no data
    admission = toll.admit(asked, principal)          # RateLimited or DocumentTooLarge: nothing ran
    try:
        result = await engine.run(asked, context)
    finally:
        cost = toll.settle(admission, context.reads)  # goes into `extensions.cost`

RateLimited is HTTP 429 with `Retry-After`. A unit is a call to a source, or ten rows read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from graphql import GraphQLSchema

from hub.reads.answers import UpstreamCall
from hub.security.budget import Budgets
from hub.security.principal import Principal
from hub.security.scope import scope_of
from resolvers.cost_estimate import ROWS_PER_UNIT, Estimator, Systems
from resolvers.engine import Request


class Spent(Protocol):
    """What a request has caused so far; `rows_read` by system, those from the cache left out."""

    @property
    def calls(self) -> Sequence[UpstreamCall]: ...

    @property
    def rows_read(self) -> Mapping[str, int]: ...


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that may run. `requested` is what was charged for it, in units."""

    principal: Principal
    requested: float


class Toll:
    """Charges requests. `systems` gives the connected systems as they are now, by name."""

    def __init__(
        self, schema: GraphQLSchema, budgets: Budgets, *, systems: Callable[[], Systems]
    ) -> None:
        self._budgets = budgets
        self._systems = systems
        self._estimator = Estimator(schema)

    def admit(self, request: Request, principal: Principal) -> Admission:
        """Charge what the request is estimated to cost; raises RateLimited or DocumentTooLarge."""
        estimate = self._estimator.estimate(request, self._systems())
        return Admission(principal, self._budgets.charge(principal, estimate))

    def settle(self, admission: Admission, spent: Spent) -> dict[str, Any]:
        """Correct the charge by what was spent; the value of `extensions.cost`.

        Whoever is bound to customers or business units pays the estimate and hears no more: what
        was read, or was not because somebody had read it, tells what there is beyond the bound.
        """
        if scope_of(admission.principal).is_bound:
            remaining = self._budgets.correct(
                admission.principal, admission.requested, actual=admission.requested
            )
            return _told(admission.requested, admission.requested, remaining)
        calls = Counter(call.system for call in spent.calls)
        rows = spent.rows_read
        actual = cost_of(calls.total(), sum(rows.values()))
        remaining = self._budgets.correct(admission.principal, admission.requested, actual=actual)
        per_system = {
            system: {"calls": calls[system], "rows": rows.get(system, 0)}
            for system in sorted({*calls, *rows})
        }
        return _told(admission.requested, actual, remaining) | {"perSystem": per_system}


def _told(requested: float, actual: float, remaining: float) -> dict[str, Any]:
    return {
        "requested": round(requested, 1),
        "actual": round(actual, 1),
        "remaining": round(max(0.0, remaining), 1),
        "perSystem": {},
    }


def cost_of(calls: int, rows: int) -> float:
    """Units."""
    return calls + rows / ROWS_PER_UNIT
