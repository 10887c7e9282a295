"""The demo's plan: the same every time, whole, and consistent within itself."""

import csv
import os
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from hub.demo.database import connect, seed_once
from hub.demo.life import Living
from hub.demo.plan import REFERENCE_AT, Plan, build_plan
from hub.demo.plan.build import fingerprint
from hub.demo.plan.parties import cross_reference_rows
from hub.demo.plan.returned import STATUSES
from hub.demo.post import Post
from hub.demo.roster import SYSTEMS
from hub.demo.supervisor import SYSTEMS_FILE

FINGERPRINT = "4819681ecc2257aff3081f3d63cead61c67753791325c9ac404ae42e5cacb89f"
"""When this changes, raise DATA_VERSION: seeded directories no longer hold what the plan says."""
TICKS = 150
SEED = 7


@pytest.fixture(scope="module")
def plan() -> Plan:
    return build_plan()


def test_the_plan_is_the_same_in_every_process(plan: Plan) -> None:
    ask = "from hub.demo.plan.build import *; print(fingerprint(build_plan()), end='')"
    elsewhere = subprocess.run(
        [sys.executable, "-c", ask],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert elsewhere == fingerprint(plan) == FINGERPRINT


def test_it_has_the_promised_size(plan: Plan) -> None:
    assert Counter(order.erp for order in plan.orders) == {"erp-eu": 1200, "erp-us": 800}
    assert len(plan.items) == 150
    assert len(plan.customers) == 125
    assert {order.currency for order in plan.orders} == {"EUR", "GBP", "SEK", "USD", "CAD"}


def test_forty_numbers_exist_in_both_erps(plan: Plan) -> None:
    european = {order.number for order in plan.orders_of("erp-eu")}
    american = {order.number for order in plan.orders_of("erp-us")} - {None}
    assert european & american == {str(number) for number in range(100101, 100141)}
    assert {order.key for order in plan.orders_of("erp-us")} <= {
        order.key for order in plan.orders_of("erp-eu")
    }
    assert sum(order.number is None for order in plan.orders_of("erp-us")) == 12


def test_nothing_happened_after_the_reference_date(plan: Plan) -> None:
    moments = [order.updated_at for order in plan.orders]
    moments += [scan.at for each in plan.shipments for scan in each.scans]
    moments += [invoice.posted_at for invoice in plan.invoices]
    moments += [memo.posted_at for memo in plan.credit_memos]
    moments += [message.at for case in plan.cases for message in case.messages]
    moments += [receipt.at for rma in plan.rmas for receipt in rma.receipts]
    moments += [disposition.at for rma in plan.rmas for disposition in rma.dispositions]
    assert max(moments) <= REFERENCE_AT
    assert REFERENCE_AT - min(moments) <= timedelta(days=400)


@pytest.mark.parametrize("erp", ["erp-eu", "erp-us"])
def test_each_erp_has_returns_in_every_status(plan: Plan, erp: str) -> None:
    assert {rma.status for rma in plan.rmas_of(erp)} == set(STATUSES)


def test_return_counters_never_exceed_one_another(plan: Plan) -> None:
    lines = [line for rma in plan.rmas for line in rma.lines]
    assert len(lines) > 200
    for line in lines:
        assert line.credited <= line.accepted <= line.received <= line.authorized
        assert line.authorized in (0, line.requested)


def test_mixed_dispositions_come_to_ten(plan: Plan) -> None:
    mixed = [rma for rma in plan.rmas if len({each.code for each in rma.dispositions}) == 3]
    assert len(mixed) == 6
    for rma in mixed:
        outcome = {each.code: each.quantity for each in rma.dispositions}
        assert outcome == {"RESTOCK": 6, "SCRAP": 3, "MISSING": 1}
        assert rma.lines[0].received == 10
        assert rma.lines[0].accepted == 9


def test_no_order_is_credited_beyond_its_invoices(plan: Plan) -> None:
    billed: dict[tuple[str, str], Decimal] = {}
    for invoice in plan.invoices:
        key = (invoice.erp, invoice.order)
        billed[key] = billed.get(key, Decimal(0)) + invoice.total
    for memo in plan.credit_memos:
        billed[memo.erp, memo.order] -= memo.total
    assert min(billed.values()) >= 0
    assert any(memo.invoice is None for memo in plan.credit_memos)


def test_returned_serials_had_been_shipped(plan: Plan) -> None:
    gone = {
        serial
        for each in plan.shipments
        if each.direction == "OUTBOUND"
        for line in each.lines
        for serial in line.serials
    }
    came = [serial for rma in plan.rmas for each in rma.receipts for serial in each.serials]
    assert came
    assert set(came) <= gone
    assert len(set(came)) == len(came)


def test_six_tracking_numbers_came_back_a_year_later(plan: Plan) -> None:
    counts = Counter(each.tracking for each in plan.shipments)
    twice = [number for number, count in counts.items() if count == 2]
    assert len(twice) == 6
    for number in twice:
        first, second = sorted(e.created_at for e in plan.shipments if e.tracking == number)
        assert second - first >= timedelta(days=366)


def test_the_packaged_cross_references_are_those_of_the_plan(plan: Plan) -> None:
    with SYSTEMS_FILE.with_name("import").joinpath("customers.csv").open(newline="") as table:
        packaged = list(csv.DictReader(table))
    assert packaged == cross_reference_rows(plan.customers)
    accounts = Counter(row["account"] for row in packaged)
    assert sum(count > 1 for count in accounts.values()) > 5  # duplicates of a customer
    assert len(plan.accounts) - len(accounts) == 5  # accounts nobody matches
    assert sum(customer.account is None for customer in plan.customers) == 8


@pytest.mark.parametrize("name", sorted(SYSTEMS))
def test_a_system_keeps_changing_without_breaking(plan: Plan, name: str, tmp_path: Path) -> None:
    """With nobody beside it, from whom it would have orders to ship or parcels to fetch."""
    system, post = SYSTEMS[name], Post(tmp_path)
    assert seed_once(tmp_path / "it.sqlite", system, lambda: plan)
    connection = connect(tmp_path / "it.sqlite")
    living = Living(system.life, connection, dice=Random(SEED), post=post)
    changes = [living.tick() for _ in range(TICKS)]
    connection.close()
    post.close()
    assert [] not in changes
    assert len({str(change) for change in changes}) > TICKS // 10


def test_a_seeding_that_fails_leaves_nothing_to_be_mistaken_for_data(tmp_path: Path) -> None:
    def fail() -> Plan:
        raise RuntimeError("power cut")

    path = tmp_path / "crm.sqlite"
    with pytest.raises(RuntimeError, match="power cut"):
        seed_once(path, SYSTEMS["crm"], fail)
    assert not path.exists()
    assert seed_once(path, SYSTEMS["crm"], build_plan)
    assert not seed_once(path, SYSTEMS["crm"], fail)  # it is there: the plan is not even made
