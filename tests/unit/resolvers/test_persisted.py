"""Documents by hash and by id: what is run, warned about, refused and kept, for each step."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from hub.model.errors import (
    BodyInvalid,
    ConfigInvalid,
    DocumentMismatch,
    DocumentNotTrusted,
    PersistedQueryNotFound,
)
from hub.security.principal import Role
from resolvers.persisted import Documents, PersistedTexts, ResolvedDocument
from resolvers.persisted_manifest import ManifestFile, read_manifest
from resolvers.persisted_steps import Step, Steps, steps_of
from tests.unit.resolvers.shelf import principal

MINE = "query Mine { me { subject } }"
OTHER = "query Other { me { roles } }"
AD_HOC = "{ systems { name } }"
AGENT = principal(Role.AGENT)
CUSTOMER = principal(Role.CUSTOMER)
WAREHOUSE = principal(Role.WAREHOUSE)
STEPS = Steps({Role.CUSTOMER: Step.REQUIRE, Role.WAREHOUSE: Step.PREFER})


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def persisted(hash_: object, **body: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_}}, **body}


def apollo_manifest(documents: Mapping[str, str]) -> dict[str, Any]:
    operations = [
        {"id": id_, "name": "x", "type": "query", "body": text} for id_, text in documents.items()
    ]
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}


FORMS = {
    "apollo": apollo_manifest({hash_of(MINE): MINE, "other": OTHER}),
    "plain": {hash_of(MINE): MINE, "other": OTHER},
}


@pytest.fixture(params=FORMS)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "documents.json"
    path.write_text(json.dumps(FORMS[request.param]))
    return path


class World:
    """Documents over a manifest file, and how many unknown ones each step let through."""

    def __init__(self, file: Path | None, texts: PersistedTexts | None = None) -> None:
        self.unknown: Counter[Step] = Counter()
        self.trusted = ManifestFile(file)
        self.trusted.refresh()
        self.documents = Documents(
            self.trusted, STEPS, count_unknown=lambda step: self.unknown.update([step]), texts=texts
        )


@pytest.fixture
def world(file: Path) -> World:
    return World(file)


@pytest.mark.parametrize("who", [AGENT, WAREHOUSE, CUSTOMER])
@pytest.mark.parametrize(
    "body",
    [
        {"documentId": hash_of(MINE)},
        {"documentId": f"sha256:{hash_of(MINE)}"},
        {"documentId": hash_of(MINE), "query": MINE},
        {"documentId": "a name of the client's own", "query": MINE},
        persisted(hash_of(MINE)),
        persisted(hash_of(MINE).upper()),
        persisted(hash_of(MINE), query=MINE),
        {"query": MINE},
    ],
)
def test_a_registered_document_runs_in_every_step(
    world: World, who: Any, body: dict[str, Any]
) -> None:
    expected = ResolvedDocument(MINE, hash_of(MINE), hash_of(MINE), is_trusted=True)
    assert world.documents.resolve(body, who) == expected
    assert world.unknown == {}


def test_a_document_may_have_an_id_of_its_own(world: World) -> None:
    expected = ResolvedDocument(OTHER, hash_of(OTHER), "other", is_trusted=True)
    assert world.documents.resolve({"documentId": "other"}, CUSTOMER) == expected
    assert world.documents.resolve(persisted("other"), CUSTOMER) == expected
    assert world.documents.resolve({"documentId": hash_of(OTHER)}, CUSTOMER) == expected


def test_log_runs_an_unknown_document_and_counts_it(world: World) -> None:
    found = world.documents.resolve({"query": AD_HOC}, AGENT)
    assert found == ResolvedDocument(AD_HOC, hash_of(AD_HOC), hash_of(AD_HOC), is_trusted=False)
    assert world.unknown == {Step.LOG: 1}


def test_prefer_runs_it_and_warns(world: World) -> None:
    found = world.documents.resolve({"query": AD_HOC}, WAREHOUSE)
    assert (found.text, found.is_trusted) == (AD_HOC, False)
    assert [warning["code"] for warning in found.warnings] == ["DOCUMENT_NOT_TRUSTED"]
    assert world.unknown == {Step.PREFER: 1}


@pytest.mark.parametrize(
    "body",
    [
        {"query": AD_HOC},
        {"query": MINE + " "},
        {"documentId": "unknown"},
        persisted(hash_of(AD_HOC)),
        persisted(hash_of(AD_HOC), query=AD_HOC),
        persisted(hash_of(AD_HOC), query=MINE),
        persisted("no hash"),
    ],
)
def test_require_refuses_what_is_not_registered(world: World, body: dict[str, Any]) -> None:
    with pytest.raises(DocumentNotTrusted):
        world.documents.resolve(body, CUSTOMER)
    assert world.unknown == {}


def test_an_id_that_nobody_registered_is_refused_without_its_text(world: World) -> None:
    with pytest.raises(DocumentNotTrusted, match="document 'unknown' is not in the manifest"):
        world.documents.resolve({"documentId": "unknown"}, AGENT)


def test_of_several_roles_the_strictest_step_counts(world: World) -> None:
    both = principal(Role.AGENT, Role.CUSTOMER)
    with pytest.raises(DocumentNotTrusted):
        world.documents.resolve({"query": AD_HOC}, both)


@pytest.mark.parametrize(
    "body",
    [
        persisted(hash_of(MINE), query=AD_HOC),
        persisted(hash_of(AD_HOC), query=MINE),
        persisted(hash_of(AD_HOC), query=AD_HOC + " "),
        {"documentId": hash_of(MINE), "query": AD_HOC},
    ],
)
def test_a_document_that_is_not_the_one_named_is_refused(
    world: World, body: dict[str, Any]
) -> None:
    with pytest.raises(DocumentMismatch):
        world.documents.resolve(body, AGENT)
    assert world.unknown == {}


def test_apollo_clients_send_the_hash_then_both_then_the_hash(world: World) -> None:
    alone, both = persisted(hash_of(AD_HOC)), persisted(hash_of(AD_HOC), query=AD_HOC)
    with pytest.raises(PersistedQueryNotFound) as missing:
        world.documents.resolve(alone, AGENT)
    assert (str(missing.value), missing.value.code) == (
        "PersistedQueryNotFound",
        "PERSISTED_QUERY_NOT_FOUND",
    )
    world.documents.keep(world.documents.resolve(both, AGENT))
    found = world.documents.resolve(alone, AGENT)
    assert (found.text, found.is_trusted) == (AD_HOC, False)
    assert world.documents.resolve(persisted(hash_of(AD_HOC).upper()), WAREHOUSE).warnings
    with pytest.raises(DocumentNotTrusted):
        world.documents.resolve(alone, CUSTOMER)


def test_only_documents_said_to_be_valid_and_sent_with_a_hash_are_kept(world: World) -> None:
    world.documents.resolve(persisted(hash_of("{ nonsense"), query="{ nonsense"), AGENT)
    world.documents.keep(world.documents.resolve({"query": AD_HOC}, AGENT))
    world.documents.keep(world.documents.resolve({"query": AD_HOC, "documentId": "n"}, AGENT))
    for text in ("{ nonsense", AD_HOC):
        with pytest.raises(PersistedQueryNotFound):
            world.documents.resolve(persisted(hash_of(text)), AGENT)


def test_kept_texts_are_bounded_in_number_and_bytes() -> None:
    texts = PersistedTexts(documents_max=3, bytes_max=10)
    for text in ("aa", "bb", "cc"):
        texts.put(text, text)
    assert texts.get("aa") == "aa"
    texts.put("dd", "dd")
    assert [texts.get(text) for text in ("aa", "bb", "cc", "dd")] == ["aa", None, "cc", "dd"]
    texts.put("big", "ü" * 4)  # 8 bytes: with the 2 of the last one just 10
    assert [texts.get(text) for text in ("aa", "cc", "dd", "big")] == [None, None, "dd", "ü" * 4]
    texts.put("too big", "x" * 11)
    assert (texts.get("too big"), len(texts)) == (None, 2)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "'query' is missing or empty"),
        ({"query": " "}, "'query' is missing or empty"),
        ({"query": 1}, "'query' is no text"),
        ({"documentId": 7}, "'documentId' is not as expected"),
        ({"documentId": "x" * 201}, "'documentId' is not as expected"),
        ({"query": MINE, "extensions": []}, "'extensions' is no object"),
        ({"query": MINE, "extensions": {"persistedQuery": 1}}, "is not understood"),
        ({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "x"}}}, "not understood"),
        ({"extensions": {"persistedQuery": {"version": 1}}}, "has no 'sha256Hash'"),
        (persisted("abc"), "'sha256Hash' is 'abc'; expected 64 hexadecimal digits"),
        (persisted(hash_of(MINE), documentId="x"), "both 'documentId' and"),
    ],
)
def test_what_is_no_request_is_told(world: World, body: dict[str, Any], says: str) -> None:
    with pytest.raises(BodyInvalid, match=says.replace("'", ".")):
        world.documents.resolve(body, AGENT)


def test_without_a_manifest_nothing_is_trusted() -> None:
    world = World(None)
    assert not world.documents.resolve({"query": MINE}, AGENT).is_trusted
    with pytest.raises(DocumentNotTrusted):
        world.documents.resolve({"query": MINE}, CUSTOMER)


async def test_a_changed_manifest_is_read_without_restart(tmp_path: Path) -> None:
    path = tmp_path / "documents.json"
    path.write_text(json.dumps({"a": MINE}))
    world = World(path)
    following = asyncio.create_task(world.trusted.follow(every_s=0.01))
    path.write_text(json.dumps({"b": OTHER}))
    await _until(lambda: set(world.trusted.manifest.documents) == {"b"})
    path.write_text("{ half a file")
    await asyncio.sleep(0.05)
    path.unlink()
    await asyncio.sleep(0.05)
    assert set(world.trusted.manifest.documents) == {"b"}
    path.write_text(json.dumps(apollo_manifest({"c": MINE})))
    await _until(lambda: set(world.trusted.manifest.documents) == {"c"})
    following.cancel()
    assert world.documents.resolve({"documentId": "c"}, CUSTOMER).text == MINE


async def _until(is_so: Any) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 - a follower tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[]", "expected an object"),
        ("{", "documents.json: "),
        ('{"a": 1}', "document 'a': expected a GraphQL document"),
        ('{"a": " "}', "document 'a': expected a GraphQL document"),
        ('{"": "{ me }"}', "document 0: the id is no text"),
        ('{"format": "x", "version": 1}', "expected apollo-persisted-query-manifest version 1"),
        (json.dumps(apollo_manifest({}) | {"version": 2}), "received .* version 2"),
        (json.dumps(apollo_manifest({}) | {"operations": {}}), "'operations' is no list"),
        (json.dumps(apollo_manifest({}) | {"operations": [1]}), r"operations\[0\] is no object"),
        (json.dumps(apollo_manifest({}) | {"operations": [{"id": "a"}]}), "document 'a'"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "documents.json"
    path.write_text(content)
    with pytest.raises(ConfigInvalid, match=says):
        read_manifest(path)


def test_one_id_for_two_documents_is_refused(tmp_path: Path) -> None:
    manifest = apollo_manifest({"a": MINE})
    manifest["operations"] += [{"id": "a", "body": OTHER}]
    path = tmp_path / "documents.json"
    path.write_text(json.dumps(manifest))
    with pytest.raises(ConfigInvalid, match="id 'a' names two different documents"):
        read_manifest(path)


def test_a_manifest_that_is_away_is_told_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="cannot be read: No such file"):
        ManifestFile(tmp_path / "none.json").refresh()


def test_steps_are_declared_by_role() -> None:
    steps = steps_of(["agent=prefer", "analyst = require"], profile="development")
    who = {role: steps.of(principal(role)) for role in Role}
    assert {role for role, step in who.items() if step is not Step.LOG} == {
        Role.AGENT,
        Role.ANALYST,
    }
    assert (who[Role.AGENT], who[Role.ANALYST]) == (Step.PREFER, Step.REQUIRE)


def test_production_requires_customers_unless_it_is_told_otherwise() -> None:
    assert steps_of([], profile="production").of(CUSTOMER) is Step.REQUIRE
    assert steps_of([], profile="production").of(AGENT) is Step.LOG
    assert steps_of(["customer=log"], profile="production").of(CUSTOMER) is Step.LOG
    assert steps_of([], profile="development").of(CUSTOMER) is Step.LOG


@pytest.mark.parametrize("word", ["agent", "agent=maybe", "clerk=log", ""])
def test_a_step_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(ConfigInvalid, match="expected role=log, role=prefer or role=require"):
        steps_of([word], profile="development")
