"""Revoked tokens on real databases: who refuses what until when, and that it is audited."""

from datetime import datetime, timedelta

import pytest

from hub.model.errors import InputInvalid
from hub.store import revocations as module
from hub.store.audit import verify_chains
from hub.store.engine import Store
from hub.store.migrate import open_store
from hub.store.revocations import Claim, Revocations, Revoking, active_revocations
from tests.support.stores import NOON, Watch, rows_of

HOUR = timedelta(hours=1)


def revoking(claim: Claim, value: str, *, until: datetime = NOON + HOUR) -> Revoking:
    return Revoking(claim=claim, value=value, until=until, actor="cli:sam", reason="stolen")


async def test_a_token_and_a_subject_are_refused_until_the_end(store: Store) -> None:
    watch = Watch()
    revoked = Revocations(store, now=watch.now)
    await revoked.revoke(revoking("jti", "t-1"))
    await revoked.revoke(revoking("sub", "anna"))
    assert revoked.is_revoked(token_id="t-1", subject="ben")
    assert revoked.is_revoked(token_id=None, subject="anna")
    assert not revoked.is_revoked(token_id="anna", subject="t-1")
    assert not revoked.is_revoked(token_id="t-2", subject="ben")
    assert not revoked.is_revoked(token_id=None, subject="ben")
    watch.at = NOON + HOUR - timedelta(microseconds=1)
    assert revoked.is_revoked(token_id=None, subject="anna")
    watch.at = NOON + HOUR
    assert not revoked.is_revoked(token_id="t-1", subject="anna")


async def test_every_act_is_audited_with_what_was_before(store: Store) -> None:
    revoked = Revocations(store, now=Watch().now)
    await revoked.revoke(revoking("sub", "anna"))
    await revoked.revoke(revoking("sub", "anna", until=NOON))
    assert not revoked.is_revoked(token_id=None, subject="anna")
    first, second = '{"until":"2026-03-01T13:00:00+00:00"}', '{"until":"2026-03-01T12:00:00+00:00"}'
    assert await rows_of(
        store,
        "SELECT actor, action, subject, reason, before, after FROM audit_entry e"
        " JOIN audit_values v ON v.chain = e.chain AND v.position = e.position ORDER BY e.position",
    ) == [
        ("cli:sam", "token.revoke", "sub:anna", "stolen", "null", first),
        ("cli:sam", "token.restore", "sub:anna", "stolen", first, second),
    ]
    assert await verify_chains(store) == []


async def test_another_process_learns_of_it(url: str, store: Store) -> None:
    here = Revocations(store, now=Watch().now)
    other_store = await open_store(url, process="two")
    there = Revocations(other_store, now=Watch().now)
    try:
        assert await there.refresh()
        await here.revoke(revoking("jti", "t-1"))
        assert not there.is_revoked(token_id="t-1", subject="x")
        assert await there.refresh()
        assert there.is_revoked(token_id="t-1", subject="x")
        assert not await there.refresh()
        await there.revoke(revoking("jti", "t-1", until=NOON))
        await here.refresh()
        assert not here.is_revoked(token_id="t-1", subject="x")
    finally:
        await other_store.close()


async def test_what_has_ended_is_forgotten_and_the_rest_is_bounded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch()
    revoked = Revocations(store, now=watch.now)
    monkeypatch.setattr(module, "REVOCATIONS_MAX", 3)
    for number in range(3):
        await revoked.revoke(revoking("jti", f"t-{number}"))
    with pytest.raises(InputInvalid, match="change the signing key"):
        await revoked.revoke(revoking("jti", "t-3"))
    assert await active_revocations(store, at=watch.at) == 3
    assert (await rows_of(store, "SELECT count(*) FROM audit_entry")) == [(3,)]
    watch.at = NOON + HOUR
    await revoked.revoke(revoking("jti", "t-4", until=NOON + 2 * HOUR))
    assert await rows_of(store, "SELECT value FROM revocation") == [("t-4",)]


@pytest.mark.parametrize("value", ["", " ", "x" * 201])
async def test_a_value_that_no_token_has_is_refused(store: Store, value: str) -> None:
    with pytest.raises(InputInvalid):
        await Revocations(store, now=Watch().now).revoke(revoking("sub", value))
    assert await rows_of(store, "SELECT count(*) FROM audit_entry") == [(0,)]
