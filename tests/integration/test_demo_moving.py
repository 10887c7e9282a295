"""The six demo systems as moving processes: what they tell, where, and that it can be read."""

import asyncio
import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import httpx2
import nats
import pytest
import pytest_asyncio
from nats.js import JetStreamContext

from hub.config.systems import load_systems
from hub.demo import supervisor
from hub.demo.supervisor import CREDENTIALS, DemoSystem, DemoSystems
from hub.demo.telling import HELD_MAX_S
from hub.model.errors import OpsHubError
from hub.model.record import Record
from sources.fields import Shape
from sources.mapping import compile_entity
from sources.port import ChangeCursor
from sources.rest import RestSource
from sources.sql import SqlSource
from tests.integration.demo_records import listed, native_records
from tests.support.nats import running_nats

pytestmark = pytest.mark.asyncio(loop_scope="module")

PACE_S = 0.02
MOVING_S = 4.0
QUIET_WITHIN_S = 20.0
RATES = {"DUPLICATE": "0.1", "LATE": "0.1", "POISON": "0.05"}
SECRET = CREDENTIALS["OPSHUB_DEMO_WEBHOOK_SECRET"]
FETCHED_AT = datetime(2026, 11, 1, tzinfo=UTC)
SIGNED = {"crm": "x-crm-signature", "carrier": "x-carrier-signature", "erp-us": None}

Heard = list[tuple[str, bytes, dict[str, str]]]


class World:
    """What was heard of the six while they moved; they are still now."""

    def __init__(self, demo: DemoSystems, heard: Heard, published: list[tuple[str, bytes]]) -> None:
        self.demo = demo
        self.heard = heard
        self.published = published

    def said_by(self, name: str) -> list[bytes]:
        if name == "wms-north":
            return [payload for _, payload in self.published]
        return [body for path, body, _ in self.heard if path == f"/in/{name}"]


def _ask(system: DemoSystem, path: str, body: Any = None) -> Any:
    if body is None:
        return httpx2.get(system.url + path).json()
    return httpx2.post(system.url + path, json=body).json()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """They start before anything listens, as in `opshub up`; NATS has its stream last of all."""
    with pytest.MonkeyPatch.context() as patch, _listener() as (url, heard):
        for name, rate in RATES.items():
            patch.setenv(f"OPSHUB_DEMO_{name}_RATE", rate)
        demo = await supervisor.start(
            tmp_path_factory.mktemp("moving"), pace_s=PACE_S, progress=lambda line: None
        )
        try:
            with running_nats() as nats_url:
                supervisor.tell_where(
                    demo, nats_urls={"wms-north": nats_url}, webhook_url=url + "/"
                )
                published = await _published(demo, nats_url)
                yield World(demo, heard, published)
        finally:
            await supervisor.stop(demo)


async def _published(demo: DemoSystems, nats_url: str) -> list[tuple[str, bytes]]:
    client = await nats.connect(nats_url)
    try:
        stream = client.jetstream()
        await stream.add_stream(name="IN", subjects=["in.>"])
        await asyncio.sleep(MOVING_S)
        await asyncio.to_thread(_still, demo)
        return await _all_of(stream)
    finally:
        await client.close()


def _still(demo: DemoSystems) -> None:
    """Stop all, and wait until everything they had to say is said, late messages too."""
    for system in demo.systems:
        _ask(system, "/__pace", {"pace": 0})
    until = time.monotonic() + QUIET_WITHIN_S
    time.sleep(HELD_MAX_S)
    for system in demo.systems:
        while _ask(system, "/__told")["waiting"] > 0:
            assert time.monotonic() < until, f"{system.name} still has messages: is it stuck?"
            time.sleep(0.05)


async def _all_of(stream: JetStreamContext) -> list[tuple[str, bytes]]:
    state = (await stream.stream_info("IN")).state
    messages = [await stream.get_msg("IN", seq) for seq in range(1, state.messages + 1)]
    return [(each.subject or "", each.data or b"") for each in messages]


@contextmanager
def _listener() -> Iterator[tuple[str, Heard]]:
    """A hub that answers 202 and remembers what it was told."""
    heard: Heard = []

    class Remember(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append((self.path, body, {k.lower(): v for k, v in self.headers.items()}))
            self.send_response(202)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Remember)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def test_they_keep_moving_without_an_error(world: World) -> None:
    for system in world.demo.systems:
        pace = _ask(system, "/__pace")
        assert pace["errors"] == 0, system.name
        assert pace["ticks"] > MOVING_S / PACE_S / 4, system.name


@pytest.mark.parametrize("name", ["wms-north", "crm", "carrier", "erp-us"])
async def test_everything_said_arrives_and_nothing_else(world: World, name: str) -> None:
    """Webhooks said before anybody listened are lost, as such things are; NATS has them all."""
    system = next(each for each in world.demo.systems if each.name == name)
    told = _ask(system, "/__told")
    said = told["told"] + told["duplicate"] + told["poison"]
    arrived = len(world.said_by(name))
    assert (arrived == said) if name == "wms-north" else (said * 0.5 < arrived <= said)
    assert told["late"] > 0
    assert told.get("lost", 0) == 0


@pytest.mark.parametrize("name", ["erp-eu", "wms-south"])
async def test_the_silent_ones_are_silent(world: World, name: str) -> None:
    system = next(each for each in world.demo.systems if each.name == name)
    assert _ask(system, "/__told") == {"waiting": 0}
    assert world.said_by(name) == []


async def test_the_subject_names_the_kind_of_record(world: World) -> None:
    kinds = {subject.removeprefix("in.wms-north.") for subject, _ in world.published}
    assert kinds == {"shipment", "stock", "receipt", "inspection", "disposition"}


@pytest.mark.parametrize("name", sorted(SIGNED))
async def test_webhooks_are_signed_or_not_as_the_system_does(world: World, name: str) -> None:
    header = SIGNED[name]
    for path, body, headers in world.heard:
        if path == f"/in/{name}":
            given = {key: value for key, value in headers.items() if "signature" in key}
            digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
            assert given == ({} if header is None else {header: f"sha256={digest}"})


async def test_ids_come_again(world: World) -> None:
    messages = [_json(payload) for payload in world.said_by("wms-north")]
    ids = [each["eventId"] for each in messages if each and "body" in each]
    assert len(set(ids)) < len(ids)


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except json.JSONDecodeError:
        return None


async def test_every_record_can_still_be_read(world: World) -> None:
    """No word that the file does not map, but for the one it was given on purpose."""
    file = load_systems(world.demo.systems_file, environ=os.environ | world.demo.environment)
    unmapped: list[tuple[str, str]] = []
    for name, system in file.systems.items():
        for noun, entity in system.entities.items():
            if system.kind == "rest":
                shape = Shape(
                    name, noun, False, file.targets, base_unit=None,
                    on_unmapped=lambda field, word: unmapped.append((field, word)),
                )  # fmt: skip
                mapping = compile_entity(entity, shape)
                read = [mapping.record(row, FETCHED_AT) for row in native_records(system, entity)]
                assert [each for each in read if isinstance(each, OpsHubError)] == []
                assert all(isinstance(each, Record) for each in read)
    assert unmapped == [("shipment.status", "77")]
    source = SqlSource(file.systems["erp-eu"], file)
    try:
        for noun in file.systems["erp-eu"].entities:
            assert all(each.gaps == () for each in await listed(source, noun))
    finally:
        await source.close()


async def test_a_move_can_be_asked_for(world: World) -> None:
    north = next(each for each in world.demo.systems if each.name == "wms-north")
    assert "short_pick" in _ask(north, "/__act")["moves"]
    (change,) = _ask(north, "/__act", {"move": "count", "key": "HAM-2:GLV-40-959"})["changed"]
    assert (change["kind"], change["key"]) == ("stock", "HAM-2:GLV-40-959")
    assert change["row"]["changedAt"] == change["row"]["countedAt"]
    refused = httpx2.post(f"{north.url}/__act", json={"move": "ship", "key": "N1"})
    assert refused.status_code == 409
    assert refused.json()["fault"]["reason"].startswith("ship begins at LBL")
    senseless = httpx2.post(f"{north.url}/__pace", json={"pace": "fast"})
    assert senseless.status_code == 422


@pytest.mark.parametrize("name", ["wms-north", "crm", "carrier", "erp-us"])
async def test_every_message_is_one_the_file_declares(world: World, name: str) -> None:
    """Each names a kind of the file and brings the record, or the key, that its row says."""
    file = load_systems(world.demo.systems_file, environ=os.environ | world.demo.environment)
    system = file.systems[name]
    events = system.events
    assert events is not None
    assert events.kind is not None
    kinds: set[str] = set()
    for payload in world.said_by(name):
        message = _json(payload)
        if message is None:
            continue
        row = events.of[message[events.kind]]
        path = row.record or ".".join(row.key or ())
        told = _at(message, path)
        if told is None:
            continue  # the nonsense that does not say what it is about
        kinds.add(message[events.kind])
        assert events.id is None or message[events.id]
        if row.record is not None:
            shape = Shape(name, row.entity, False, file.targets, base_unit=None,
                          on_unmapped=lambda field, word: None)  # fmt: skip
            decoded = compile_entity(system.entities[row.entity], shape).record(told, FETCHED_AT)
            assert isinstance(decoded, Record), decoded
    assert kinds - RARELY_SAID == set(events.of) - RARELY_SAID


RARELY_SAID = {"customer.changed", "credit-memo.changed", "return.changed", "invoice.changed"}


def _at(message: Any, path: str) -> Any:
    for part in path.split("."):
        message = message.get(part) if isinstance(message, dict) else None
    return message


@pytest.mark.parametrize("name", ["erp-eu", "erp-us", "wms-south", "crm"])
async def test_asking_since_a_moment_finds_what_changed_since(world: World, name: str) -> None:
    file = load_systems(world.demo.systems_file, environ=os.environ | world.demo.environment)
    system = file.systems[name]
    source = (SqlSource if system.kind == "sql" else RestSource)(system, file)
    since = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    try:
        for noun, entity in system.entities.items():
            if entity.changes is not None:
                found = await _changed(source, noun, ChangeCursor(since=since))
                everything = await _changed(source, noun, ChangeCursor())
                recent = {key for key, at in everything.items() if since <= at}
                assert found.keys() == recent, noun
                assert noun not in ("order", "shipment", "case") or found
    finally:
        await source.close()


async def _changed(
    source: SqlSource | RestSource, noun: str, cursor: ChangeCursor
) -> dict[str, datetime]:
    """When each record changed that is found from there on; one never changed has not."""
    changed: dict[str, datetime] = {}
    while True:
        page = await source.changes(noun, cursor, 500)
        for each in page.records:
            assert isinstance(each.outcome, Record), each
            if each.at is not None and each.key is not None:
                changed[each.key] = each.at
        if page.is_last:
            return changed
        cursor = page.cursor
