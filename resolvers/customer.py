"""Customers and their credit standing. The ERP owns both."""

from __future__ import annotations

from datetime import datetime

import strawberry

from hub.model import customer as model
from hub.model.values import Money as Amount
from hub.reads.relations import CASES_BY_CUSTOMER
from resolvers.edges import coded, internal, related, told
from resolvers.fields import computed, represents
from resolvers.lazy import LazyCase
from resolvers.sourced import Money, SectionStatus, Sourced, sections_field


def available_credit(customer: model.Customer) -> Amount | None:
    """Limit less exposure, negative when overdrawn; null unless both are told in one currency."""
    limit, exposure = customer.credit_limit, customer.credit_exposure
    if limit is None or exposure is None or limit.currency != exposure.currency:
        return None
    return limit + -exposure


@represents(model.Customer)
@strawberry.type(description="How far a customer may still buy on credit, as the ERP says.")
class CreditStanding:
    limit: Money | None = internal("customer", "credit_limit", "The most the customer may owe.")
    exposure: Money | None = internal("customer", "credit_exposure", "What the customer owes now.")
    available: Money | None = internal(
        "customer",
        "credit_limit",
        "Limit less exposure; negative when overdrawn.",
        read=available_credit,
    )
    on_hold: bool | None = internal(
        "customer", "credit_hold", "Whether deliveries are stopped for credit."
    )


@represents(model.Customer)
@strawberry.type(description="A postal address.")
class Address:
    street: str | None = told("Street and number.")
    city: str | None = told("City.")
    postal_code: str | None = told("Postal code.")
    country: str | None = told("Country.")


@represents(model.Customer)
@strawberry.type(description="A party that orders. One real customer may be several records.")
class Customer(Sourced):
    number: str | None = told("The number people use.")
    name: str | None = told("The customer's name.")
    status: model.CustomerStatus | None = coded("status", "Whether we trade with them.")
    segment: str | None = internal("customer", "segment", "The segment sales put them in.")
    business_unit: str | None = told("The unit of the company that serves them.")
    email: str | None = told("Mail address.")
    phone: str | None = told("Telephone number.")
    language: str | None = told("The language they are written to in.")
    tax_number: str | None = told("Tax registration number.")
    address: Address = computed(lambda customer: customer, description="Where they are.")
    payment_terms: str | None = told("When they pay.")
    created_at: datetime | None = told("When the account was opened.")
    updated_at: datetime | None = told("Last change in the system.")
    credit: CreditStanding | None = internal(
        "customer",
        "credit_limit",
        "Credit limit, exposure and hold.",
        read=lambda customer: customer,
    )
    cases: list[LazyCase] | None = related(
        CASES_BY_CUSTOMER, "Service cases of the customer, oldest first."
    )
    sections: list[SectionStatus] = sections_field()
