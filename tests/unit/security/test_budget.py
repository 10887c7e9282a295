"""Budgets: what a principal may cost, second by second, with a clock of our own."""

import pytest

from hub.model.errors import DocumentTooLarge, RateLimited
from hub.security.budget import REFILL_PER_S, REQUEST_MAX, SAVED_S, Budgets
from hub.security.principal import CallerClass, Principal, Role, caller_class
from tests.unit.resolvers.shelf import NOON


class Clock:
    now = 50.0

    def __call__(self) -> float:
        return self.now


def who(subject: str, role: Role = Role.CUSTOMER) -> Principal:
    customers = frozenset({("erp", "c1")}) if role is Role.CUSTOMER else frozenset()
    return Principal(subject, frozenset({role}), customers, None, None, NOON)


KIM = who("kim")


def emptied(clock: Clock) -> Budgets:
    """A customer's bucket with nothing left in it."""
    budgets = Budgets(clock=clock)
    budgets.charge(KIM, 1_000)
    return budgets


@pytest.mark.parametrize(
    ("role", "caller", "per_s"),
    [(Role.CUSTOMER, CallerClass.CUSTOMER, 50), (Role.AGENT, CallerClass.AGENT, 500),
     (Role.ANALYST, CallerClass.ANALYST, 200)],
)  # fmt: skip
def test_each_class_has_twenty_seconds_of_its_refill(
    role: Role, caller: CallerClass, per_s: int
) -> None:
    principal = who("kim", role)
    assert caller_class(principal) is caller
    assert REFILL_PER_S[caller] == per_s
    clock = Clock()
    budgets = Budgets(clock=clock)
    assert budgets.charge(principal, per_s * SAVED_S) == per_s * SAVED_S
    with pytest.raises(RateLimited) as caught:
        budgets.charge(principal, per_s)
    assert (caught.value.requested, caught.value.remaining) == (per_s, 0.0)
    assert caught.value.retry_after_s == pytest.approx(1.0)
    clock.now += 1.0
    assert budgets.charge(principal, per_s) == per_s


def test_a_refused_request_takes_nothing() -> None:
    clock = Clock()
    budgets = emptied(clock)
    for _ in range(10):
        with pytest.raises(RateLimited):
            budgets.charge(KIM, 100)
    clock.now += 2.0
    assert budgets.charge(KIM, 100) == 100


def test_what_no_wait_would_allow_is_too_large() -> None:
    budgets = Budgets(clock=Clock())
    for principal, allowed in ((KIM, 1_000), (who("al", Role.AGENT), REQUEST_MAX)):
        with pytest.raises(DocumentTooLarge) as caught:
            budgets.charge(principal, allowed + 1)
        assert (caught.value.limit, caught.value.allowed) == ("cost", allowed)


def test_the_charge_is_corrected_by_what_it_did_cost() -> None:
    budgets = Budgets(clock=Clock())
    charged = budgets.charge(KIM, 300)
    assert budgets.correct(KIM, charged, actual=40.0) == 960.0
    charged = budgets.charge(KIM, 10)
    assert budgets.correct(KIM, charged, actual=60.0) == 900.0


def test_a_request_costs_one_at_least() -> None:
    budgets = Budgets(clock=Clock())
    charged = budgets.charge(KIM, 0.0)
    assert charged == 1.0
    assert budgets.correct(KIM, charged, actual=0.0) == 999.0


def test_a_debt_is_one_bucket_at_most() -> None:
    clock = Clock()
    budgets = Budgets(clock=clock)
    charged = budgets.charge(KIM, 1)
    assert budgets.correct(KIM, charged, actual=1e9) == -1_000.0
    with pytest.raises(RateLimited) as caught:
        budgets.charge(KIM, 1)
    assert caught.value.remaining == 0.0
    assert caught.value.retry_after_s == pytest.approx(1_001 / 50)
    clock.now += 21.0
    assert budgets.charge(KIM, 1) == 1


def test_nothing_is_saved_beyond_a_full_bucket() -> None:
    clock = Clock()
    budgets = Budgets(clock=clock)
    clock.now += 3_600.0
    assert budgets.correct(KIM, budgets.charge(KIM, 5), actual=5) == 995.0
    assert budgets.correct(KIM, 500.0, actual=1.0) == 1_000.0


def test_subjects_and_classes_have_buckets_of_their_own() -> None:
    budgets = emptied(Clock())
    assert budgets.charge(who("sam"), 1_000) == 1_000
    assert budgets.charge(who("kim", Role.AGENT), 1_000) == 1_000
    with pytest.raises(RateLimited):
        budgets.charge(KIM, 1)


def test_the_least_recently_seen_principal_is_forgotten_first() -> None:
    budgets = Budgets(clock=Clock(), buckets_max=2)
    budgets.charge(KIM, 1_000)
    budgets.charge(who("sam"), 1_000)
    with pytest.raises(RateLimited):
        budgets.charge(KIM, 1)
    budgets.charge(who("lee"), 1_000)
    assert len(budgets) == 2
    with pytest.raises(RateLimited):
        budgets.charge(KIM, 1)
    assert budgets.charge(who("sam"), 1_000) == 1_000
