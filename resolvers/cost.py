"""The price of a request: estimated and charged before it runs, corrected when it has run.

    entered = toll.enter(principal, is_known=engine.knows(query))   # RateLimited: not even parsed
    asked = engine.request(query, variables=…, operation_name=…, may_introspect=…)
    if isinstance(asked, list):                       # refused: errors, no data
        cost = toll.turn_away(principal, entered)
    admission = toll.admit(asked, principal, entered=entered)       # RateLimited or
                                                      # DocumentTooLarge: nothing ran
    try:
        result = await engine.run(asked, context)
    finally:
        cost = toll.settle(admission, context.reads)  # goes into `extensions.cost`

RateLimited is HTTP 429 with `Retry-After`. A unit is a call to a source, or ten rows read; parsing,
validating and compiling a document that is not remembered costs NEW_DOCUMENT_UNITS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from graphql import GraphQLSchema

from hub.model.errors import DocumentTooLarge
from hub.reads.answers import UpstreamCall
from hub.security.budget import NEW_DOCUMENT_UNITS, REQUEST_MIN, Budgets
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
    """A request that may run: the units charged for its reads, and before for its document."""

    principal: Principal
    charged: float
    entered: float

    @property
    def requested(self) -> float:
        """All that was charged, in units."""
        return self.charged + self.entered


class Toll:
    """Charges requests. `systems` gives the connected systems as they are now, by name."""

    def __init__(
        self, schema: GraphQLSchema, budgets: Budgets, *, systems: Callable[[], Systems]
    ) -> None:
        self._budgets = budgets
        self._systems = systems
        self._estimator = Estimator(schema)

    def enter(self, principal: Principal, *, is_known: bool) -> float:
        """Charge the work on a document before it is parsed; the units, none where it is known.

        Raises RateLimited where the budget does not hold them.
        """
        return 0.0 if is_known else self._budgets.charge(principal, NEW_DOCUMENT_UNITS)

    def turn_away(self, principal: Principal, entered: float) -> dict[str, Any]:
        """Charge a refusal that was remembered; the value of `extensions.cost`.

        Raises RateLimited. A document that was new has paid for its refusal.
        """
        charged = entered or self._budgets.charge(principal, REQUEST_MIN)
        return _told(charged, charged, self._budgets.remaining(principal))

    def admit(self, request: Request, principal: Principal, *, entered: float = 0.0) -> Admission:
        """Charge what the request is estimated to cost; raises RateLimited or DocumentTooLarge.

        `entered` is what its document has been charged. Too large costs what a refusal does.
        """
        estimate = self._estimator.estimate(request, self._systems())
        try:
            charged = self._budgets.charge(principal, estimate)
        except DocumentTooLarge:
            self.turn_away(principal, entered)
            raise
        return Admission(principal, charged, entered)

    def settle(self, admission: Admission, spent: Spent) -> dict[str, Any]:
        """Correct the charge by what was spent; the value of `extensions.cost`.

        Whoever is bound to customers or business units pays the estimate and hears no more: what
        was read, or was not because somebody had read it, tells what there is beyond the bound.
        """
        principal, charged = admission.principal, admission.charged
        if scope_of(principal).is_bound:
            remaining = self._budgets.correct(principal, charged, actual=charged)
            return _told(admission.requested, admission.requested, remaining)
        calls = Counter(call.system for call in spent.calls)
        rows = spent.rows_read
        actual = cost_of(calls.total(), sum(rows.values()))
        remaining = self._budgets.correct(principal, charged, actual=actual)
        per_system = {
            system: {"calls": calls[system], "rows": rows.get(system, 0)}
            for system in sorted({*calls, *rows})
        }
        told = _told(admission.requested, actual + admission.entered, remaining)
        return told | {"perSystem": per_system}


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
