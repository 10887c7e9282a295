"""Commands over the whole demo: one effect for a key, in the ERP's own database, whatever fails."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hub.model.ids import encode_id
from hub.model.values import Ref
from hub.security.principal import Role
from tests.e2e.command_desk import (
    ADJUST,
    CANCEL,
    CREDIT,
    ERP,
    HOLD,
    ONE,
    RELEASE,
    Desk,
    quick_systems,
)
from tests.e2e.hub_process import opshub, running_hub

SENDERS = 30


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("commands")
    systems = quick_systems(folder)
    with running_hub(folder, "--demo", "--pace", "0", "--systems", str(systems)) as hub:
        erp = hub.demo["systems"][ERP]
        yield Desk(hub, Path(erp["database"]), erp["url"])


def _codes(done: dict[str, Any]) -> list[str]:
    return [each["code"] for each in done["userErrors"]]


def test_an_order_is_held_once_and_released(desk: Desk) -> None:
    order = desk.orders("30")[0]
    held = desk.give(HOLD, id=desk.order_id(order), key="h1", wait=5)
    assert (held["command"]["status"], held["command"]["replayed"]) == ("APPLIED", False)
    assert held["order"]["status"] == "ON_HOLD" and held["userErrors"] == []
    assert desk.state(order) == ("40", "CR")
    again = desk.give(HOLD, id=desk.order_id(order), key="h1")
    assert again["command"] == held["command"] | {"replayed": True}
    other = desk.give(HOLD, id=desk.order_id(order), key="h2")
    assert _codes(other) == ["INVALID_STATE"]
    assert {"name": "state", "value": "ON_HOLD"} in other["userErrors"][0]["evidence"]
    mismatch = desk.give(HOLD, id=desk.order_id(desk.orders("30")[1]), key="h1")
    assert _codes(mismatch) == ["IDEMPOTENCY_KEY_MISMATCH"]
    assert desk.sent(f"/orders/{order}/hold") == 1
    released = desk.give(RELEASE, id=desk.order_id(order), key="r1", wait=5)
    assert released["command"]["status"] == "APPLIED"
    assert desk.state(order) == ("30", None)


def test_an_old_version_is_refused(desk: Desk) -> None:
    order = desk.orders("30")[2]
    asked = "query($id: ID!) { order(id: $id) { version } }"
    version = desk.hub.ask(asked, id=desk.order_id(order))["data"]["order"]["version"]
    stale = desk.give(HOLD, id=desk.order_id(order), key="v1", version=version - 1)
    assert _codes(stale) == ["STALE_VERSION"]
    assert stale["command"]["status"] == "REJECTED"
    held = desk.give(HOLD, id=desk.order_id(order), key="v2", version=version, wait=5)
    assert held["command"]["status"] == "APPLIED"
    assert held["order"]["version"] > version


def test_many_senders_of_one_key_have_one_effect(desk: Desk) -> None:
    (invoice, currency), *_ = desk.invoices()

    def send(_: int) -> dict[str, Any]:
        return desk.give(
            CREDIT, role="finance", id=desk.invoice_id(invoice), key="many", amount="12.50",
            currency=currency,
        )  # fmt: skip

    with ThreadPoolExecutor(SENDERS) as senders:
        answers = list(senders.map(send, range(SENDERS)))
    [id_] = {each["command"]["id"] for each in answers}
    assert sum(not each["command"]["replayed"] for each in answers) == 1
    assert desk.seen(id_)[-1] == "APPLIED"
    assert desk.memos(invoice) == [(id_, "-12.5")]
    done = desk.one(id_)
    assert [each["name"] for each in done["result"]] == ["number"] and done["attempts"] == 1


def test_no_more_is_credited_than_is_left(desk: Desk) -> None:
    """Ten at once for a third of the invoice each: three are done, whoever comes first."""
    _, (invoice, currency), *_ = desk.invoices()
    [(total,)] = desk.rows("SELECT ivam FROM invhdr WHERE ivno = ?", invoice)
    third = f"{float(total) / 3:.2f}"
    too_much = desk.give(
        CREDIT, role="finance", id=desk.invoice_id(invoice), key="much",
        amount=f"{float(total) + 0.01:.2f}", currency=currency, dry=True,
    )  # fmt: skip
    assert _codes(too_much) == ["AMOUNT_EXCEEDS_CREDITABLE"] and too_much["command"] is None

    def send(n: int) -> dict[str, Any]:
        return desk.give(
            CREDIT, role="finance", id=desk.invoice_id(invoice), key=f"third-{n}", amount=third,
            currency=currency, wait=5,
        )  # fmt: skip

    with ThreadPoolExecutor(10) as senders:
        answers = list(senders.map(send, range(10)))
    done = [each for each in answers if each["command"]["status"] != "REJECTED"]
    refused = [each for each in answers if each["command"]["status"] == "REJECTED"]
    assert 2 <= len(done) <= 3  # the third may be a cent too much
    assert {code for each in refused for code in _codes(each)} == {"AMOUNT_EXCEEDS_CREDITABLE"}
    for each in done:
        assert desk.seen(each["command"]["id"])[-1] == "APPLIED"
    assert len(desk.memos(invoice)) == len(done)


def test_other_money_and_other_roles_are_refused(desk: Desk) -> None:
    *_, (invoice, currency) = desk.invoices()
    foreign = "USD" if currency != "USD" else "EUR"
    given = {"id": desk.invoice_id(invoice), "key": "x1", "amount": "1"}
    refused = desk.give(CREDIT, role="finance", currency=foreign, **given)
    assert _codes(refused) == ["INVALID_INPUT"]
    answer = desk.hub.ask(CREDIT, role="agent", currency=currency, **given)
    assert [each["extensions"]["code"] for each in answer["errors"]] == ["FORBIDDEN"]
    assert desk.memos(invoice) == []


def test_what_has_shipped_is_not_cancelled(desk: Desk) -> None:
    sql = """SELECT orno, min(lnno) FROM ordlin JOIN ordhdr USING (orno)
      WHERE qshp > 0 AND orst = '60' GROUP BY orno LIMIT 1"""
    [(shipped, line)] = desk.rows(sql)
    refused = desk.give(CANCEL, id=desk.order_id(shipped), key="c1", lines=[line, 999])
    assert _codes(refused) == ["ALREADY_SHIPPED", "NOT_FOUND"]
    assert [each["field"] for each in refused["userErrors"]] == ["lineNumbers.0", "lineNumbers.1"]
    order = desk.orders("10")[0]
    [(line,)] = desk.rows("SELECT min(lnno) FROM ordlin WHERE orno = ?", order)
    done = desk.give(CANCEL, id=desk.order_id(order), key="c2", lines=[line], wait=5)
    assert done["command"]["status"] == "APPLIED"
    sql = "SELECT lnst FROM ordlin WHERE orno = ? AND lnno = ?"
    assert desk.rows(sql, order, line) == [("99",)]


def test_stock_is_adjusted_once_where_it_is_kept(desk: Desk) -> None:
    item = encode_id(Ref("item", ERP, "BRG-04-398"))
    given = {"id": item, "quantity": "-2", "role": "warehouse"}
    lost = desk.give(ADJUST, key="a1", location="NOWHERE", **given)
    assert _codes(lost) == ["NOT_FOUND"]
    done = desk.give(ADJUST, key="a2", location="HAM-1", wait=5, **given)
    assert done["command"]["status"] == "APPLIED"
    desk.give(ADJUST, key="a2", location="HAM-1", wait=5, **given)
    sql = "SELECT itno, whlo, qadj, rsnc FROM stkadj WHERE xref = ?"
    assert desk.rows(sql, done["command"]["id"]) == [("BRG-04-398", "HAM-1", -2, "counted")]


def test_an_erp_that_takes_nothing_gets_it_later(desk: Desk) -> None:
    _, _, (invoice, currency), *_ = desk.invoices()
    desk.fault(path_prefix="/credit-memos", status=429, times=2)
    given = desk.give(
        CREDIT, role="finance", id=desk.invoice_id(invoice), key="later", amount="1",
        currency=currency,
    )  # fmt: skip
    assert given["command"]["status"] == "ACCEPTED" and given["userErrors"] == []
    assert desk.seen(given["command"]["id"])[-1] == "APPLIED"
    assert desk.memos(invoice) == [(given["command"]["id"], "-1")]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_reply_is_unknown_then_done_once(desk: Desk, when: str) -> None:
    """Whether the effect was there or not: never shown as done or failed, and never done twice."""
    invoice, currency = desk.invoices()[4]
    desk.fault(path_prefix="/credit-memos", status=503, times=1, when=when)
    given = desk.give(
        CREDIT, role="finance", id=desk.invoice_id(invoice), key=f"lost-{when}", amount="2",
        currency=currency,
    )  # fmt: skip
    command = given["command"]
    assert desk.seen(command["id"])[-1] == "APPLIED"
    assert desk.told(invoice, command["correlationId"]) == [
        "command.applied", "command.outcome_unknown", "command.accepted",
    ]  # fmt: skip
    assert desk.memos(invoice) == [(given["command"]["id"], "-2")]


def test_who_gave_it_and_operators_see_a_command(desk: Desk) -> None:
    order = desk.orders("30")[5]
    anna, bert = (desk.hub.token_of(name, Role.AGENT) for name in ("anna", "bert"))
    given = desk.give(HOLD, token=anna, id=desk.order_id(order), key="mine", wait=5)
    id_ = given["command"]["id"]
    assert desk.one(id_, token=anna)["status"] == desk.one(id_)["status"] == "APPLIED"
    answers = [desk.hub.ask(ONE, token=bert, id=each) for each in (id_, "no-such")]
    assert [each["errors"][0]["extensions"]["code"] for each in answers] == ["NOT_FOUND"] * 2
    mine = "query { commands(first: 5) { nodes { id actor mutation } } }"
    assert desk.hub.ask(mine, token=bert)["data"]["commands"]["nodes"] == []
    [seen] = desk.hub.ask(mine, token=anna)["data"]["commands"]["nodes"]
    assert seen == {"id": id_, "actor": "anna", "mutation": "holdOrder"}
    filtered = 'query { commands(filter: {actor: "anna"}) { nodes { id } } }'
    found = desk.hub.ask(filtered, role="operator")["data"]["commands"]["nodes"]
    assert found == [{"id": id_}]


def test_a_command_is_followed_by_who_gave_it(desk: Desk) -> None:
    invoice, currency = desk.invoices()[6]
    till, other = (desk.hub.token_of(name, Role.FINANCE) for name in ("till", "other till"))
    desk.fault(path_prefix="/credit-memos", status=503, times=1, when="before")
    given = desk.give(
        CREDIT, token=till, id=desk.invoice_id(invoice), key="followed", amount="3",
        currency=currency,
    )  # fmt: skip
    id_ = given["command"]["id"]
    items = []
    for sent in desk.follow(id_, token=till):
        assert "data" in sent, sent
        items.append(sent["data"]["told"])
        if items[-1].get("node", {}).get("status") == "APPLIED":
            break
    assert items[0]["__typename"] == "CommandSnapshot" and items[0]["nodes"][0]["id"] == id_
    last = items[-1]
    assert (last["__typename"], last["type"]) == ("CommandStatusEvent", "command.status_changed")
    assert [(each["axis"], each["to"]) for each in last["changes"]] == [("status", "APPLIED")]
    partner = desk.hub.token_of("partner", Role.INTEGRATION)
    for token, code in ((other, "NOT_FOUND"), (partner, "FORBIDDEN")):
        [refused] = desk.follow(id_, token=token)
        assert [each["extensions"]["code"] for each in refused["errors"]] == [code]


def test_the_order_of_a_command_is_read_in_the_scope_of_who_looks(desk: Desk) -> None:
    order = desk.orders("90")[0]
    everywhere = desk.hub.token_of("carla", Role.AGENT)
    given = desk.give(HOLD, token=everywhere, id=desk.order_id(order), key="seen")
    assert _codes(given) == ["INVALID_STATE"]
    document = "query($id: ID!) { command(id: $id) { order { number } } }"
    moved = desk.hub.token_of("carla", Role.AGENT, unit="02")
    for token, expected in ((everywhere, {"number": order}), (moved, None)):
        answer = desk.hub.ask(document, token=token, id=given["command"]["id"])
        assert answer["data"]["command"]["order"] == expected
    elsewhere = desk.give(HOLD, token=moved, id=desk.order_id(order), key="seen elsewhere")
    assert _codes(elsewhere) == ["NOT_FOUND"] and elsewhere["order"] is None
    operator = desk.hub.token_of("us operator", Role.OPERATOR, unit="02")
    refused = desk.hub.ask(ONE, token=operator, id=given["command"]["id"])
    assert [each["extensions"]["code"] for each in refused["errors"]] == ["NOT_FOUND"]


def test_the_terminal_lists_commands(desk: Desk) -> None:
    folder = desk.hub.log.parent
    listed = opshub(
        "commands", "list", "--which", "all", "--data-dir", str(folder / "data"), "--json",
        cwd=folder,
    )  # fmt: skip
    assert listed.returncode == 0, listed.stderr
    assert '"holdOrder"' in listed.stdout
    missing = opshub(
        "commands", "retry", "none", "--reason", "again", "--data-dir", str(folder / "data"),
        cwd=folder,
    )  # fmt: skip
    assert missing.returncode == 1 and "none" in missing.stderr
