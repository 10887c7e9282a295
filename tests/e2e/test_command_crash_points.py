"""The whole hub dies at a listed point of a command; started again it ends the command, once."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.cli.demo import running_demo
from hub.observe.crash_points import CRASH_POINTS, STATUS, VARIABLE
from hub.security.principal import Role
from tests.e2e.command_desk import ERP, Desk
from tests.e2e.test_command_kills import Clients, _phoenix

IS_PROOF = bool(os.environ.get("OPSHUB_PROVE_CRASH_POINTS"))
POINTS = CRASH_POINTS if IS_PROOF else ("published",)  # the others: integration/
DEAD_WITHIN_S = 30.0
ENDED_WITHIN_S = 60.0  # its claim is over 30 s after it was made


@pytest.mark.prove
@pytest.mark.timeout(150)
@pytest.mark.parametrize("point", POINTS)
async def test_the_hub_dies_at_a_listed_point(tmp_path: Path, point: str) -> None:
    async with running_demo(tmp_path / "erp", pace_s=0, tell=print) as demo:
        erp = next(each for each in demo.systems if each.name == ERP)
        variables = dict(demo.environment) | {VARIABLE: point}
        with _phoenix(tmp_path, variables) as phoenix, ThreadPoolExecutor(1) as sender:
            desk = Desk(phoenix.hub, erp.database, erp.url)
            (invoice, currency), *_ = desk.invoices()
            clients = Clients(desk, phoenix)
            sending = sender.submit(clients.send, "once", invoice, currency)
            assert phoenix.hub.process.wait(DEAD_WITHIN_S) == STATUS
            phoenix.start_again(without=VARIABLE)
            sending.result(DEAD_WITHIN_S)
            desk.hub = phoenix.hub
            id_ = clients.acknowledged["once"]
            _wait_for_end(desk, id_)
            assert [reference for reference, _ in desk.memos(invoice)] == [id_]


def _wait_for_end(desk: Desk, id_: str) -> None:
    token = desk.hub.token_of("the till", Role.FINANCE)
    until = time.monotonic() + ENDED_WITHIN_S
    while desk.one(id_, token=token, role="finance")["status"] != "APPLIED":
        assert time.monotonic() < until
        time.sleep(0.2)
