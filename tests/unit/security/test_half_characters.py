"""Half of a surrogate pair is no text: no token and no source may bring one in."""

import json

import httpx2
import orjson
import pytest

from hub.model.errors import SourceInvalid, Unauthenticated
from hub.security.claim_paths import ClaimPaths
from hub.security.claims import principal_of
from resolvers.answer import Answer, send_answer
from sources.rest_client import HttpSystem

CLAIMS = {
    "sub": "a", "roles": ["agent"], "business_units": ["*"],
    "exp": 4_000_000_000, "iat": 1_700_000_000,
}  # fmt: skip


@pytest.mark.parametrize("claim", [{"sub": "a\ud800b"}, {"business_units": ["\udfff"]}])
def test_a_claim_with_half_a_character_is_refused(claim: dict[str, object]) -> None:
    principal_of(CLAIMS, ClaimPaths())
    with pytest.raises(Unauthenticated):
        principal_of(CLAIMS | claim, ClaimPaths())


@pytest.mark.parametrize("text", ["\ud800", "\udfff", "ok \ud83d"])
def test_an_answer_with_half_a_character_is_garbage(text: str) -> None:
    body = json.dumps({"rows": [{"name": text, "price": 1.5}]}).encode()
    with pytest.raises(SourceInvalid):
        HttpSystem._parsed(_System(), body, httpx2.Headers())  # type: ignore[arg-type]


def test_a_whole_character_passes() -> None:
    body = b'{"name": "\\ud83d\\ude00"}'
    parsed = HttpSystem._parsed(_System(), body, httpx2.Headers())  # type: ignore[arg-type]
    assert parsed == {"name": "\U0001f600"}


class _System:
    name = "crm"


async def test_what_json_cannot_hold_is_a_masked_defect() -> None:
    sent: list[dict[str, object]] = []

    async def send(message: object) -> None:
        assert isinstance(message, dict)
        sent.append(message)

    answer = Answer(200, {"data": {"me": {"subject": "a\ud800b"}}})
    await send_answer(send, answer, "application/json", "c" * 32)
    assert sent[0]["status"] == 500
    body = orjson.loads(sent[1]["body"])  # type: ignore[arg-type]
    assert body["errors"][0]["extensions"]["code"] == "INTERNAL"
