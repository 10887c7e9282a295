"""Whose a record is, and so who may see it: the one place of object authorization.

Records are fetched without a scope and checked here, after the cache, by walking to the customer
who owns them. Where the owner cannot be known, whoever is bound to owners is refused, and hears
nothing of a record that could not be read: whose it is nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar
from zlib import crc32

from hub.model.case import Message
from hub.model.catalog import NOUNS
from hub.model.customer import Customer
from hub.model.errors import OpsHubError, SourceInvalid
from hub.model.order import Order
from hub.model.record import Record, fields_of
from hub.model.values import Ref
from hub.reads.answers import References
from hub.reads.asking import Asking
from hub.security.masks import is_readable
from hub.security.scope import Scope

HOPS_MAX = 6  # references; the longest walk is shipment line, shipment, return, order, customer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Owner:
    """The fields that lead to a record's owner, the first one present is followed.

    `is_open` says that a record which names no owner is everyone's.
    """

    by: tuple[str, ...]
    is_open: bool = False


OWNERS: Mapping[str, Owner] = MappingProxyType(
    {
        "customer": Owner(()),
        "order": Owner(("customer",)),
        "order_line": Owner(("order",)),
        "shipment": Owner(("order", "rma")),
        "shipment_line": Owner(("shipment",)),
        "milestone": Owner(("shipment",)),
        "invoice": Owner(("customer", "order")),
        "invoice_line": Owner(("invoice",)),
        "credit_memo": Owner(("customer", "order", "invoice", "rma")),
        "return": Owner(("customer", "order")),
        "return_line": Owner(("rma",)),
        "receipt": Owner(("rma",)),
        "inspection": Owner(("rma",)),
        "disposition": Owner(("rma",)),
        "case": Owner(("customer", "order", "rma")),
        "message": Owner(("case",)),
        "item": Owner((), is_open=True),
        "inventory_position": Owner((), is_open=True),
        "price": Owner(("customer",), is_open=True),
    }
)


class Owners:
    """The scope of one request, applied. Without a bound it makes no call."""

    def __init__(self, asking: Asking, *, scope: Scope, references: References) -> None:
        self._asking = asking
        self._scope = scope
        self._references = references
        self._customers: frozenset[Ref] | None = None
        if scope.customers is not None:
            self._customers = frozenset(
                same for ref in scope.customers for same in references.same_as(ref)
            )

    @property
    def customers(self) -> frozenset[Ref] | None:
        """Every ref of the customers in scope, those of their cross references too; None: all."""
        return self._customers

    @property
    def is_bound(self) -> bool:
        """Whether some records are hidden from the scope."""
        return self._scope.is_bound

    def heard(self, error: OpsHubError) -> OpsHubError:
        """A failure as the scope may hear it: the values of a broken row may be anybody's."""
        if self.is_bound and isinstance(error, SourceInvalid):
            return SourceInvalid(error.system or "", "its answer could not be read")
        return error

    def told(self, value: object) -> tuple[list[Record], list[OpsHubError]]:
        """The records of an answer to a number, unchecked, and the failures the scope may hear.

        A bound scope hears of a system that failed, not of one row that could not be read.
        """
        if isinstance(value, OpsHubError):
            return [], [self.heard(value)]
        rows = value if isinstance(value, tuple) else ()
        records = [row for row in rows if isinstance(row, Record)]
        failures = [row for row in rows if isinstance(row, OpsHubError)]
        return records, [] if self.is_bound else failures

    async def visible(self, records: Sequence[Record]) -> list[bool]:
        """Whether the scope may see each record, aligned; owners are read in merged batches."""
        seen = [self._may_read(record) for record in records]
        if self._customers is not None:
            owners = await self._walk(records, found=_no_early_end, is_customer_last=False)
            seen = [
                is_seen and (owner in self._customers if owner else is_open(record))
                for is_seen, owner, record in zip(seen, owners, records, strict=True)
            ]
        units = self._scope.business_units
        if units is not None:
            told = await self._units(records)
            seen = [
                is_seen and (bool(of & units) if of else is_open(record))
                for is_seen, of, record in zip(seen, told, records, strict=True)
            ]
        return seen

    async def only_visible(self, records: Sequence[Record]) -> list[Record]:
        seen = await self.visible(records)
        return [record for record, is_seen in zip(records, seen, strict=True) if is_seen]

    async def _units(self, records: Sequence[Record]) -> list[frozenset[str]]:
        """The business units each record belongs to; none where nobody tells.

        A customer in a system that knows no units (a CRM account) is of those of its other records.
        """
        ends = await self._walk(records, found=_business_unit, is_customer_last=True)
        untold = {
            end for end in ends if isinstance(end, Ref) and not self._asking.tells_units(end.system)
        }
        others = {ref: self._references.same_as(ref) for ref in untold}
        refs = sorted({each for same in others.values() for each in same} - untold)
        answers = await self._asking.answers(refs)
        told = {
            ref: answer.value.business_unit
            for ref, answer in zip(refs, answers, strict=True)
            if isinstance(answer.value, Customer)
        }
        return [
            frozenset(filter(None, map(told.get, others.get(end, ()))))
            if isinstance(end, Ref)
            else frozenset(() if end is None else (end,))
            for end in ends
        ]

    async def walk_in_vain(self, missing: Sequence[Ref]) -> None:
        """Ask as many questions for what is missing as for what is hidden: the time would tell.

        Each hop asks for a key made from the missing one, so that no cache answers it.
        """
        if not self.is_bound:
            return
        walking = list(missing)
        for _ in range(HOPS_MAX):
            walking = [onward for ref in walking if (onward := self._stand_in(ref)) is not None]
            if not walking:
                return
            await self._asking.answers(walking)

    def _stand_in(self, ref: Ref) -> Ref | None:
        """What a record of the noun would name next on the way to its owner; None at the end."""
        has_units = self._scope.business_units is not None
        if ref.noun == "customer" or (has_units and ref.noun == "order"):
            return None
        by = _way(ref.noun, has_units)
        known = fields_of(NOUNS[ref.noun])
        for name in by:
            to, targets = known[name].to, self._asking.targets(ref, name)
            if targets and to is not None:
                if to == "customer" and not has_units:
                    return None
                return Ref(to, min(targets), str(crc32(ref.key.encode())))
        return None

    def _may_read(self, record: Record) -> bool:
        return not isinstance(record, Message) or is_readable(record.visibility, self._scope)

    async def _walk(
        self,
        records: Sequence[Record],
        *,
        found: Callable[[Record], str | None],
        is_customer_last: bool,
    ) -> list[Ref | str | None]:
        """Per record the customer that owns it, or what `found` told on the way; None: unknown.

        Where the customer comes last, it is the end only if it was read and `found` told nothing.
        """
        ends: list[Ref | str | None] = [None] * len(records)
        walking: dict[int, Record] = dict(enumerate(records))
        for _ in range(HOPS_MAX):
            hops: dict[int, Ref] = {}
            for place, record in walking.items():
                told = found(record)
                onward = _onward(record, is_customer_last=is_customer_last)
                if told is not None:
                    ends[place] = told
                elif onward is None:
                    continue
                elif onward == record.ref or (onward.noun == "customer" and not is_customer_last):
                    ends[place] = onward
                else:
                    hops[place] = onward
            if not hops:
                break
            answers = await self._asking.answers(list(hops.values()))
            walking = {
                place: answer.value
                for place, answer in zip(hops, answers, strict=True)
                if isinstance(answer.value, Record)
            }
        return ends


def is_open(record: Record) -> bool:
    """Whether a record that names no owner belongs to everyone."""
    owner = OWNERS[record.ref.noun]
    return owner.is_open and _onward(record, is_customer_last=False) is None


def names_no_owner(record: Record) -> bool:
    """Such a record (a carrier's scan) is seen by whoever sees the parent it was found by."""
    return _onward(record, is_customer_last=False) is None


def _onward(record: Record, *, is_customer_last: bool) -> Ref | None:
    """The next record on the way to the owner; a customer is its own owner."""
    if isinstance(record, Customer):
        return record.ref
    refs = (getattr(record, name) for name in _way(record.ref.noun, is_customer_last))
    return next((ref for ref in refs if ref is not None), None)


def _way(noun: str, is_customer_last: bool) -> Sequence[str]:
    """A business unit is the order's before it is the customer's."""
    by = OWNERS[noun].by
    return sorted(by, key=lambda name: name == "customer") if is_customer_last else by


def _no_early_end(record: Record) -> str | None:
    return None


def _business_unit(record: Record) -> str | None:
    return record.business_unit if isinstance(record, Order | Customer) else None
