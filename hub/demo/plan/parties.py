"""Customers of both ERPs and the CRM accounts they may or may not meet in."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from random import Random

from hub.demo.plan.records import Account, Customer
from hub.demo.plan.when import dice

EU_CUSTOMERS = 64
EU_DUPLICATES = 6
US_CUSTOMERS = 51
US_DUPLICATES = 4
SHARED_COMPANIES = 18
"""Companies that buy in both ERPs and have one CRM account."""
CUSTOMERS_WITHOUT_ACCOUNT = 4
"""For each ERP, the last customers, whom the CRM does not know."""
LONELY_ACCOUNTS = 5
"""Prospects the CRM knows and no ERP does."""

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
FIRST = (
    "Aalto", "Bergmann", "Calder", "Dahlin", "Ellison", "Fischer", "Garrity", "Holm", "Iversen",
    "Jansen", "Kessler", "Lindqvist", "Marlow", "Norrby", "Oakfield", "Petersen", "Quayle",
    "Rademacher", "Sundberg", "Thornton", "Ulrich", "Vandermeer", "Whitcombe", "Ziegler",
)  # fmt: skip
TRADE = (
    "Drives", "Hydraulics", "Machinery", "Pumps", "Automation", "Packaging", "Foundry", "Marine",
)  # fmt: skip
EU_PLACES = (
    ("DE", "Hamburg", "20457", "EUR", "GmbH"),
    ("DE", "Stuttgart", "70173", "EUR", "GmbH & Co. KG"),
    ("AT", "Linz", "4020", "EUR", "GmbH"),
    ("NL", "Rotterdam", "3011 AA", "EUR", "B.V."),
    ("SE", "Göteborg", "411 04", "SEK", "AB"),
    ("GB", "Leeds", "LS1 4AP", "GBP", "Ltd"),
)
US_PLACES = (
    ("US", "Columbus", "43004", "USD", "Inc."),
    ("US", "Memphis", "38103", "USD", "LLC"),
    ("US", "Tulsa", "74103", "USD", "Corp."),
    ("CA", "Hamilton", "L8P 1A1", "CAD", "Ltd."),
)
STREETS = ("Hafenstrasse", "Mill Lane", "Industrieweg", "Foundry Road", "Canal Street")
Place = tuple[str, str, str, str, str]


def plan_parties() -> tuple[tuple[Customer, ...], tuple[Account, ...]]:
    """All customers of both ERPs, and all accounts; a customer names its account if it has one."""
    rng = dice("parties")
    names = _company_names(rng)
    accounts = _account_numbers(rng)
    european = [
        _customer(rng, "erp-eu", f"C{1001 + index}", place=rng.choice(EU_PLACES), name=next(names))
        for index in range(EU_CUSTOMERS)
    ]
    american = [
        _customer(rng, "erp-us", f"{20001 + index}", place=rng.choice(US_PLACES), name=next(names))
        for index in range(US_CUSTOMERS)
    ]
    european = [_with_account(each, accounts) for each in european]
    american = [
        _with_account(each, accounts)
        if index >= SHARED_COMPANIES
        else replace(each, account=european[index].account, name=_namesake(european[index], each))
        for index, each in enumerate(american)
    ]
    european += _duplicates(european, EU_DUPLICATES, prefix="C19")
    american += _duplicates(american, US_DUPLICATES, prefix="290")
    european = _forget_accounts(european, EU_CUSTOMERS)
    american = _forget_accounts(american, US_CUSTOMERS)
    customers = (*european, *american)
    lonely = [_prospect(rng, next(names), next(accounts)) for _ in range(LONELY_ACCOUNTS)]
    return customers, tuple(_accounts_of(customers, rng)) + tuple(lonely)


def _company_names(rng: Random) -> Iterator[str]:
    names = [f"{first} {trade}" for first in FIRST for trade in TRADE]
    rng.shuffle(names)
    return iter(names)


def _account_numbers(rng: Random) -> Iterator[str]:
    """Random on purpose: an account number says nothing about a customer number."""
    seen: set[str] = set()
    while True:
        number = "A-" + "".join(rng.choices(ALPHABET, k=6))
        if number not in seen:
            seen.add(number)
            yield number


def _customer(rng: Random, erp: str, number: str, *, place: Place, name: str) -> Customer:
    country, city, postcode, currency, form = place
    limit = Decimal(rng.choice((5, 10, 25, 50, 100, 250))) * 1000
    is_on_hold = rng.random() < 0.06
    share = Decimal(rng.randrange(92, 118) if is_on_hold else rng.randrange(5, 90)).scaleb(-2)
    handle = name.lower().replace(" ", "-")
    return Customer(
        erp=erp,
        number=number,
        name=f"{name} {form}",
        account=None,
        country=country,
        city=city,
        street=f"{rng.choice(STREETS)} {rng.randrange(1, 180)}",
        postcode=postcode,
        email=f"purchasing@{handle}.example",
        phone=f"+{rng.randrange(10, 99)} 555 {rng.randrange(1000, 9999)}",
        segment=rng.choice(("OEM", "MRO", "RESELLER", "PROJECT")),
        currency=currency,
        terms=rng.choice(("N30", "N30", "N14", "N60", "PRE")),
        credit_limit=limit,
        exposure=(limit * share).quantize(Decimal("0.01")),
        is_on_hold=is_on_hold,
    )


def _with_account(customer: Customer, accounts: Iterator[str]) -> Customer:
    return replace(customer, account=next(accounts))


def _namesake(european: Customer, american: Customer) -> str:
    """The American company of a European one: same first words, its own legal form."""
    form = american.name.split(" ", 2)[2]
    return " ".join(european.name.split(" ")[:2]) + f" {form}"


def _duplicates(customers: list[Customer], count: int, *, prefix: str) -> list[Customer]:
    """Second records of customers that exist, spelled in capitals, in the same account."""
    return [
        replace(each, number=f"{prefix}{index:02}", name=each.name.upper(), exposure=Decimal("0"))
        for index, each in enumerate(customers[20 : 20 + count], start=1)
    ]


def _forget_accounts(customers: list[Customer], originals: int) -> list[Customer]:
    known = originals - CUSTOMERS_WITHOUT_ACCOUNT
    return [
        replace(each, account=None) if known <= index < originals else each
        for index, each in enumerate(customers)
    ]


def _accounts_of(customers: tuple[Customer, ...], rng: Random) -> Iterator[Account]:
    seen: set[str] = set()
    for each in customers:
        if each.account is not None and each.account not in seen:
            seen.add(each.account)
            tier = rng.choice(("Gold", "Silver", "Silver", "Bronze"))
            yield Account(
                each.account, each.name, each.country, each.city, each.email, each.phone, tier
            )


def _prospect(rng: Random, name: str, account: str) -> Account:
    city = rng.choice(("Gent", "Lyon", "Graz"))
    return Account(account, name, "FR", city, f"hello@{account.lower()}.example", "", "Bronze")


def cross_reference_rows(customers: tuple[Customer, ...]) -> list[dict[str, str]]:
    """Rows of `customers.csv`: one for each account and the customers that meet in it.

    An account with two customers of one ERP has two rows. The packaged file is these rows written
    once; a test compares it with the plan, so that the two cannot drift apart.
    """
    rows: list[dict[str, str]] = []
    by_account: dict[str, dict[str, list[str]]] = {}
    for each in customers:
        if each.account is not None:
            by_account.setdefault(each.account, {}).setdefault(each.erp, []).append(each.number)
    for account, numbers in sorted(by_account.items()):
        european, american = numbers.get("erp-eu", []), numbers.get("erp-us", [])
        for index in range(max(len(european), len(american))):
            rows.append(
                {
                    "erp_eu": european[index] if index < len(european) else "",
                    "erp_us": american[index] if index < len(american) else "",
                    "account": account,
                }
            )
    return rows
