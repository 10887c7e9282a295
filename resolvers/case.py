"""Service cases and their messages. The CRM owns them."""

from __future__ import annotations

from datetime import datetime

import strawberry

from hub.model import case as model
from hub.reads.relations import MESSAGES_BY_CASE
from hub.security.masks import is_name_told
from resolvers.context import Context
from resolvers.edges import coded, internal, referred, related, told
from resolvers.fields import computed, represents
from resolvers.lazy import LazyCustomer, LazyOrder, LazyRma
from resolvers.sourced import SectionStatus, Sourced, sections_field


def author_told(message: model.Message, ctx: Context) -> str | None:
    """The author as far as the caller may know names."""
    return message.author if is_name_told(message.author_type, ctx.scope) else None


@represents(model.Message)
@strawberry.type(description="A message of a case.")
class CaseMessage(Sourced):
    number: str | None = told("The CRM's message number.")
    author: str | None = computed(
        author_told, description="Who wrote it; outside the house no name of our people."
    )
    author_type: model.ActorType | None = coded("author_type", "What kind of party wrote it.")
    visibility: model.Visibility | None = coded("visibility", "Who may read it; null: internal.")
    channel: str | None = told("How it came or went.")
    body: str | None = told("The text.")
    sent_at: datetime | None = told("When it was sent.")


@represents(model.Case)
@strawberry.type(description="A service case about an order, a return, a customer, or several.")
class Case(Sourced):
    number: str | None = told("The number people use.")
    subject: str | None = told("What it is about, in one line.")
    type: str | None = told("The CRM's type of case.")
    priority: model.CasePriority | None = coded("priority", "How urgent it is.")
    status: model.CaseStatus | None = coded("status", "Where it stands.")
    queue: str | None = internal("case", "queue", "The queue it waits in.")
    assignee: str | None = internal("case", "assignee", "Who works on it.")
    opened_at: datetime | None = told("When it was opened.")
    first_response_at: datetime | None = told("When the customer was first answered.")
    resolved_at: datetime | None = told("When it was solved.")
    due_at: datetime | None = told("When it is to be solved.")
    updated_at: datetime | None = told("Last change in the system.")
    order: LazyOrder | None = referred("order", "order", "The order it is about.")
    rma: LazyRma | None = referred("rma", "return", "The return it is about.")
    customer: LazyCustomer | None = referred("customer", "customer", "Who it is with.")
    messages: list[CaseMessage] | None = related(
        MESSAGES_BY_CASE, "The messages this caller may read, oldest first."
    )
    sections: list[SectionStatus] = sections_field()
