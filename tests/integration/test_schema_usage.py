"""`opshub schema check --usage` and `schema deprecations` over real stores, as commands."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.store.usage import OF_REQUESTS, Counted, UsageKey, UsageStore, UsedDocument
from resolvers.schema import print_schema_text
from tests.support.stores import BACKENDS, NOON, opened_store, store_url

ME = "type Me {"
DOCUMENTS = {
    "a" * 64: ("Badge", "query Badge {\n  me {\n    badge\n  }\n}", ("desk", "1.4")),
    "b" * 64: ("Mine", "query Mine {\n  me {\n    subject\n  }\n}", ("portal", "2.0")),
    "c" * 64: ("Long", "x" * 200_000, ("app", "3.1")),
}
COORDINATES = {
    "Badge": {"Query.me", "Me.badge"},
    "Mine": {"Query.me", "Me.subject"},
    "Long": {"Query.me", "Me.badge"},
}


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store in which three clients have been seen."""
    url = store_url(request.param, request, tmp_path)
    asyncio.run(_record(url))
    return url


async def _record(url: str) -> None:
    async with opened_store(url) as store:
        usage = UsageStore(store)
        for minutes, (hash_, (operation, text, client)) in enumerate(DOCUMENTS.items()):
            at = NOON + timedelta(minutes=minutes)
            key = UsageKey(NOON, *client, hash_, operation, OF_REQUESTS, False)
            coordinates = frozenset(COORDINATES[operation])
            await usage.add([(key, Counted(7, at, at))])
            await usage.remember([UsedDocument(hash_, operation, coordinates, text)])


def opshub(*words: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["schema", *map(str, words)])
    return done.exit_code, done.output


def published(tmp_path: Path, fields: str) -> Path:
    """A schema file as it would be, had `Me` these fields more than the code has."""
    file = tmp_path / "schema.graphql"
    file.write_text(print_schema_text().replace(ME, f"{ME}\n  {fields}\n", 1))
    return file


def client(name: str, version: str, operation: str, minute: int) -> dict[str, Any]:
    hash_ = next(hash_ for hash_, (each, *_) in DOCUMENTS.items() if each == operation)
    return {
        "name": name, "version": version, "document": hash_, "operation": operation,
        "trusted": False, "requests": 7, "firstSeenAt": f"2026-03-01T12:0{minute}:00+00:00",
        "lastSeenAt": f"2026-03-01T12:0{minute}:00+00:00",
    }  # fmt: skip


def test_a_change_that_breaks_a_document_names_its_client(url: str, tmp_path: Path) -> None:
    file = published(tmp_path, "badge: String")
    code, told = opshub("check", file, "--usage", "--store-url", url, "--json")
    assert code == 1
    answer = json.loads(told)
    assert [change["severity"] for change in answer["changes"]] == ["breaking"]
    desk, app = client("desk", "1.4", "Badge", 0), client("app", "3.1", "Long", 2)
    error = "Cannot query field 'badge' on type 'Me'."
    assert answer["breaks"] == [
        {"document": "a" * 64, "errors": [error], "clients": [desk]},
        {"coordinate": "Me.badge", "errors": [], "clients": [app, desk]},
    ]
    code, text = opshub("check", file, "--usage", "--store-url", url)
    assert code == 1
    assert text.splitlines()[1:5] == [
        f"breaks document aaaaaaaaaaaa: {error}",
        "  desk 1.4, Badge in aaaaaaaaaaaa: 7 requests, last 2026-03-01T12:00+00:00",
        "breaks users of Me.badge",
        "  app 3.1, Long in cccccccccccc: 7 requests, last 2026-03-01T12:02+00:00",
    ]


def test_a_change_nobody_notices_names_nobody(url: str, tmp_path: Path) -> None:
    file = published(tmp_path, "nickname: String")
    code, told = opshub("check", file, "--usage", "--store-url", url, "--json")
    assert (code, json.loads(told)["breaks"]) == (1, [])
    code, told = opshub("check", published(tmp_path, ""), "--usage", "--store-url", url, "--json")
    assert json.loads(told)["changes"] == []


def test_deprecations_are_listed_with_who_uses_them(url: str, tmp_path: Path) -> None:
    file = published(
        tmp_path,
        'badge: String @deprecated(reason: "Use subject. removal: 2099-01-31")\n'
        '  pin: String @deprecated(reason: "Unused.")',
    )
    code, told = opshub("deprecations", file, "--store-url", url, "--json")
    assert code == 0
    assert json.loads(told)["deprecations"] == [
        {
            "coordinate": "Me.badge",
            "reason": "Use subject. removal: 2099-01-31",
            "removalOn": "2099-01-31",
            "clients": [client("app", "3.1", "Long", 2), client("desk", "1.4", "Badge", 0)],
        },
        {"coordinate": "Me.pin", "reason": "Unused.", "removalOn": None, "clients": []},
    ]
    _, text = opshub("deprecations", file, "--store-url", url)
    assert text.splitlines() == [
        "Me.badge  removal 2099-01-31  Use subject. removal: 2099-01-31",
        "  app 3.1, Long in cccccccccccc: 7 requests, last 2026-03-01T12:02+00:00",
        "  desk 1.4, Badge in aaaaaaaaaaaa: 7 requests, last 2026-03-01T12:00+00:00",
        "Me.pin  removal without a day  Unused.",
        "  nobody uses it",
    ]


def test_a_store_that_is_not_there_is_told(tmp_path: Path) -> None:
    file = published(tmp_path, "")
    code, told = opshub("check", file, "--usage", "--store-url", f"sqlite:///{tmp_path}/none")
    assert code == 1
    assert told.startswith("opshub: the hub's database has no tables; this release needs")
    code, told = opshub("check", tmp_path / "none.graphql")
    assert code == 2


def test_registered_documents_must_fit_the_code(tmp_path: Path) -> None:
    file, manifest = published(tmp_path, ""), tmp_path / "documents.json"
    file.write_text(print_schema_text())
    manifest.write_text(json.dumps({"a": "{ me { subject } }", "b": "{ me { badge } }", "c": "{"}))
    code, told = opshub("check", file, "--trusted", manifest, "--json")
    assert code == 1
    assert json.loads(told)["misfits"] == [
        {"document": "b", "errors": ["Cannot query field 'badge' on type 'Me'."]},
        {"document": "c", "errors": ["Syntax Error: Expected Name, found <EOF>."]},
    ]
    manifest.write_text(json.dumps({"a": "{ me { subject } }"}))
    assert opshub("check", file, "--trusted", manifest)[0] == 0
    manifest.write_text("[]")
    code, told = opshub("check", file, "--trusted", manifest)
    assert (code, "expected an object" in told) == (2, True)
