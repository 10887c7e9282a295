"""Service cases of the CRM and what was written in them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from hub.demo.plan.records import Case, Customer, Message, Order, Rma
from hub.demo.plan.when import REFERENCE_AT, age_days, dice

FIRST_CASE = 60001
SUBJECTS = {
    "WHERE_IS_MY_ORDER": "Where is our order?",
    "DAMAGED": "Goods arrived damaged",
    "SHORT_DELIVERY": "Fewer pieces than ordered",
    "PRICE": "Invoice does not match the quotation",
    "RETURN": "We would like to send goods back",
    "QUESTION": "Question about a data sheet",
}
QUEUES = ("SERVICE-EU", "SERVICE-US", "CLAIMS")
AGENTS = ("ines.roth", "karl.lund", "beth.moss", "omar.diaz")
ASKED = ("Could you please look into this?", "We need an answer today.", "Any news?")
ANSWERED = (
    "We have asked the warehouse and will come back to you.",
    "The parcel is with the carrier; see the tracking page.",
    "Thank you, the return is registered.",
)
NOTED = (
    "Warehouse says the bin was empty at count.",
    "Customer is close to the credit limit; be careful.",
    "Third complaint this quarter, tell sales.",
)
ORDER_CASE_EVERY = 9
RETURN_CASE_EVERY = 3
GENERAL_CASES = 20
Accounts = Mapping[tuple[str, str], str | None]


def plan_cases(
    orders: Sequence[Order], rmas: Sequence[Rma], customers: Sequence[Customer]
) -> tuple[Case, ...]:
    """Cases about orders, about returns and about nothing in particular, by number."""
    rng = dice("cases")
    accounts = {(each.erp, each.number): each.account for each in customers}
    numbers = iter(range(FIRST_CASE, FIRST_CASE + 10_000))
    cases = [_about_order(rng, order, accounts, next(numbers)) for order in _troubled(orders)]
    cases += [_about_rma(rng, rma, accounts, next(numbers)) for rma in rmas[::RETURN_CASE_EVERY]]
    cases += [_general(rng, customers, next(numbers)) for _ in range(GENERAL_CASES)]
    return tuple(cases)


def _troubled(orders: Sequence[Order]) -> Iterator[Order]:
    placed = [order for order in orders if order.number is not None]
    for index, order in enumerate(placed):
        is_short = order.scenario == "short_picked"
        if index % ORDER_CASE_EVERY == 4 or is_short:
            yield order


def _about_order(rng: Random, order: Order, accounts: Accounts, number: int) -> Case:
    kinds = ("WHERE_IS_MY_ORDER", "DAMAGED", "PRICE", "SHORT_DELIVERY")
    kind = "SHORT_DELIVERY" if order.scenario == "short_picked" else rng.choice(kinds)
    opened = order.placed_at + timedelta(days=rng.randrange(1, 9), minutes=rng.randrange(500))
    link = (order.erp, order.key, None)
    return _case(rng, (number, kind, opened), accounts[order.erp, order.customer], link)


def _about_rma(rng: Random, rma: Rma, accounts: Accounts, number: int) -> Case:
    link = (rma.erp, rma.order, rma.number)
    return _case(rng, (number, "RETURN", rma.requested_at), accounts[rma.erp, rma.customer], link)


def _general(rng: Random, customers: Sequence[Customer], number: int) -> Case:
    opened = REFERENCE_AT - timedelta(days=rng.randrange(2, 300), minutes=rng.randrange(500))
    account = rng.choice([each.account for each in customers if each.account is not None])
    return _case(rng, (number, "QUESTION", opened), account, (None, None, None))


Link = tuple[str | None, str | None, str | None]


def _case(rng: Random, head: tuple[int, str, datetime], account: str | None, link: Link) -> Case:
    number, kind, opened = head
    opened = min(opened, REFERENCE_AT - timedelta(hours=1)).replace(microsecond=0)
    status = _status(rng, opened)
    messages = tuple(_messages(rng, number, opened, is_new=status == "NEW"))
    answers = [each.at for each in messages if not each.is_internal and not each.is_from_customer]
    is_over = status in ("SOLVED", "CLOSED")
    return Case(
        number=str(number),
        account=account,
        erp=link[0],
        order=link[1],
        rma=link[2],
        subject=SUBJECTS[kind],
        kind=kind,
        priority=rng.choice(("LOW", "NORMAL", "NORMAL", "HIGH", "URGENT")),
        status=status,
        queue="CLAIMS" if kind == "DAMAGED" else rng.choice(QUEUES[:2]),
        assignee=None if status == "NEW" else rng.choice(AGENTS),
        requester="purchasing",
        opened_at=opened,
        due_at=opened + timedelta(days=2),
        first_response_at=min(answers) if answers else None,
        resolved_at=messages[-1].at if is_over else None,
        updated_at=messages[-1].at,
        messages=messages,
    )


def _status(rng: Random, opened: datetime) -> str:
    if age_days(opened) > 30:
        return rng.choice(("CLOSED", "CLOSED", "CLOSED", "SOLVED", "ON_HOLD"))
    return rng.choice(("NEW", "OPEN", "OPEN", "PENDING_CUSTOMER", "ON_HOLD", "SOLVED"))


def _messages(rng: Random, case: int, opened: datetime, *, is_new: bool) -> Iterator[Message]:
    """The customer asks; then answers and internal notes, oldest first."""
    count = 1 if is_new else rng.randrange(2, 7)
    for index in range(count):
        kind = "asked" if index == 0 else rng.choice(("asked", "answered", "answered", "noted"))
        at = min(opened + timedelta(hours=3 * index, minutes=7 * index), REFERENCE_AT)
        words = {"asked": ASKED, "answered": ANSWERED, "noted": NOTED}[kind]
        yield Message(
            number=f"{case}-{index + 1}",
            author="purchasing" if kind == "asked" else rng.choice(AGENTS),
            is_internal=kind == "noted",
            is_from_customer=kind == "asked",
            body=rng.choice(words),
            at=at,
        )
