"""Customers and what the ERP says of their credit. The ERP is the system of record."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import ClassVar

from hub.model.record import Record
from hub.model.values import Money


class CustomerStatus(Enum):
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    BLOCKED = "BLOCKED"
    PROSPECT = "PROSPECT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer(Record):
    """A party that orders. One real customer may be several records: see the cross references."""

    NOUN: ClassVar[str] = "customer"

    number: str | None = None
    name: str | None = None
    status: CustomerStatus | None = None
    segment: str | None = None
    business_unit: str | None = None
    email: str | None = None
    phone: str | None = None
    language: str | None = None
    tax_number: str | None = None
    street: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country: str | None = None
    payment_terms: str | None = None
    credit_limit: Money | None = None
    credit_exposure: Money | None = None
    credit_hold: bool | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
