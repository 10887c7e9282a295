"""The demo's CRM as those see it who tell it something: messages by reference, signed notices."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest

from hub.config.delivery_specs import WebhookSpec
from hub.demo.database import connect, seed_once
from hub.demo.going import Going
from hub.demo.plan import build_plan
from hub.demo.post import Post
from hub.demo.roster import SYSTEMS
from hub.demo.senders import Where
from hub.demo.serve import build_app
from hub.demo.supervisor import CREDENTIALS
from hub.events.webhooks import Posting, headers_of

SECRET = CREDENTIALS["OPSHUB_DEMO_PORTAL_SECRET"]
BEARER = {"authorization": f"Bearer {CREDENTIALS['OPSHUB_DEMO_CRM_TOKEN']}"}
NOTICE = orjson.dumps({"type": "opshub.shipment.status_changed.v1", "subject": "shipment/S1"})


class Crm:
    """The CRM in this process: its HTTP surface and its tables."""

    def __init__(self, folder: Path) -> None:
        path = folder / "crm.sqlite"
        seed_once(path, SYSTEMS["crm"], build_plan)
        self.store: sqlite3.Connection = connect(path)
        where = Where(system="crm")
        self._app = build_app(
            SYSTEMS["crm"],
            Going(SYSTEMS["crm"], self.store, post=Post(folder), pace_s=0, where=where),
        )

    def ask(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        return asyncio.run(self._ask(path, body, BEARER | headers))

    def records(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(path).json()["records"]
        return found

    def told(self) -> int:
        return int(self.ask("/__told").json().get("told", 0))

    async def _ask(self, path: str, body: Any, headers: dict[str, str]) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self._app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://crm.test") as client:
            if body is None:
                return await client.get(path, headers=headers)
            content = body if isinstance(body, bytes) else orjson.dumps(body)
            return await client.post(path, content=content, headers=headers)


@pytest.fixture(scope="module")
def crm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPSHUB_DEMO_PORTAL_SECRET", SECRET)
        made = Crm(tmp_path_factory.mktemp("crm"))
        yield made
        made.store.close()


def case_of(crm: Crm, condition: str) -> dict[str, Any]:
    """The only case of its order that is not closed, or whatever the condition says."""
    sql = (
        "SELECT c.* FROM cases c WHERE c.orderNo IS NOT NULL AND c.rmaNo IS NULL AND"
        f" {condition} (SELECT 1 FROM cases o WHERE o.orderNo = c.orderNo AND o.state <> 'closed'"
        " AND o.caseNo <> c.caseNo) LIMIT 1"
    )
    return dict(crm.store.execute(sql).fetchone())


def written(reference: str, case: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "reference": reference, "company": case["company"], "order": case["orderNo"],
        "rma": None, "text": "It is on its way.",
    } | more  # fmt: skip


def test_a_message_goes_into_the_open_case_once(crm: Crm) -> None:
    case, told = case_of(crm, "c.state <> 'closed' AND NOT EXISTS"), crm.told()
    before = crm.records(f"/cases?ids={case['caseNo']}")[0]["messages"]
    first = crm.ask("/messages", written("r1", case))
    again = crm.ask("/messages", written("r1", case))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == crm.ask("/messages?reference=r1").json()
    assert (first.json()["caseNo"], first.json()["isNewCase"]) == (case["caseNo"], False)
    (found,) = crm.records(f"/cases?ids={case['caseNo']}")
    (new,) = found["messages"][len(before) :]
    assert (new["id"], new["authorKind"], new["audience"], new["body"]) == (
        first.json()["messageId"], "system", "public", "It is on its way.",
    )  # fmt: skip
    assert found["updatedAt"] == new["sentAt"] > case["updatedAt"]
    assert crm.told() == told + 1
    assert crm.ask("/messages", written("r1", case, text="Another")).status_code == 409
    assert crm.ask("/messages?reference=r2").status_code == 404


def test_without_an_open_case_one_is_opened(crm: Crm) -> None:
    case = case_of(crm, "c.state = 'closed' AND NOT EXISTS")
    answer = crm.ask("/messages", written("r3", case)).json()
    assert answer["isNewCase"] is True
    (opened,) = crm.records(f"/cases?ids={answer['caseNo']}")
    assert (opened["orderNo"], opened["company"], opened["account"], opened["state"]) == (
        case["orderNo"], case["company"], case["account"], "resolved",
    )  # fmt: skip
    assert [each["id"] for each in opened["messages"]] == [answer["messageId"]]
    assert crm.ask("/messages", written("r4", case)).json()["caseNo"] == answer["caseNo"]


@pytest.mark.parametrize(
    "wrong", [{"text": ""}, {"text": None}, {"company": None}, {"order": None}, {"reference": None}]
)
def test_what_it_cannot_file_it_refuses(crm: Crm, wrong: dict[str, Any]) -> None:
    body = written("r5", {"company": "01", "orderNo": "1"}) | wrong
    assert crm.ask("/messages", body).status_code == 422
    assert crm.ask("/messages?reference=r5").status_code == 404


def signed(id_: str, body: bytes = NOTICE, *, age_s: int = 0, secret: str = SECRET) -> Any:
    """The headers of a hub that knows the secret."""
    spec = WebhookSpec.model_validate({"url": "http://crm.test", "secret": [SECRET * 2, secret]})
    return headers_of(spec, Posting(id=id_, at=int(time.time()) - age_s, body=body))


def test_the_portal_keeps_what_is_signed_once(crm: Crm) -> None:
    for _ in range(3):
        assert crm.ask("/portal/webhooks", NOTICE, **signed("n1")).status_code == 200
    assert crm.ask("/portal/webhooks", NOTICE, **signed("n2")).status_code == 200
    kept = {each["id"]: each for each in crm.records("/portal/notices?subject=shipment/S1")}
    assert {id_: each["times"] for id_, each in kept.items()} == {"n1": 3, "n2": 1}
    assert kept["n1"]["body"] == NOTICE.decode()


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (lambda: {}, NOTICE, 400),
        (lambda: signed("n3", age_s=301), NOTICE, 400),
        (lambda: signed("n3", age_s=-320), NOTICE, 400),
        (lambda: signed("n3", secret="somebody-elses-secret"), NOTICE, 401),
        (lambda: signed("n3", b"{}"), NOTICE, 401),
        (lambda: signed("n4") | {"webhook-id": "n3"}, NOTICE, 401),
        (lambda: signed("n3", b"{}"), b"{}", 400),
        (lambda: signed("n3", b"{"), b"{", 400),
        (lambda: signed("n3") | {"authorization": "Bearer nobody"}, NOTICE, 401),
    ],
)
def test_the_portal_believes_nobody_else(
    crm: Crm, headers: Callable[[], dict[str, str]], body: bytes, status: int
) -> None:
    """Signed when it is sent: a suite that collects long before would send what is old."""
    assert crm.ask("/portal/webhooks", body, **headers()).status_code == status
    assert crm.records("/portal/notices?ids=n3") == []
