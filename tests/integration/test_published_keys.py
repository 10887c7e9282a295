"""The provider's keys over real HTTP and from a real file: rotation, failures, and how often."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic

import pytest

from hub.security.claim_paths import ClaimPaths
from hub.security.jwks import JWKS_BYTES_MAX
from hub.security.published_keys import JwksPace, PublishedKeys
from tests.support.issuer import ec_key, key_set, rsa_key

FIRST, SECOND = rsa_key("first"), ec_key("second")
PACE = JwksPace(gap_s=0.5, every_s=30.0, retry_s=0.05, file_s=0.02, timeout_s=0.5)
WAIT_S = 5.0


@dataclass
class Provider:
    """What the server answers next, and how often it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    slow: threading.Event | None = None
    asked: int = 0


@contextmanager
def serving(provider: Provider) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked += 1
            if provider.slow is not None:
                provider.slow.wait(WAIT_S)
            self.send_response(provider.status)
            for name, value in provider.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(provider.body)))
            self.end_headers()
            try:
                self.wfile.write(provider.body)
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_port}/keys"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider(body=key_set(FIRST.jwk()))
    with serving(made):
        yield made


@asynccontextmanager
async def followed(keys: PublishedKeys) -> AsyncIterator[PublishedKeys]:
    await keys.refresh()
    task = asyncio.create_task(keys.follow())
    try:
        yield keys
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until_known(keys: PublishedKeys, *kids: str) -> None:
    async with asyncio.timeout(WAIT_S):
        while sorted(keys.keys) != sorted(kids):  # noqa: ASYNC110 - the keys tell nobody
            await asyncio.sleep(0.01)


async def test_a_file_is_followed_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_bytes(key_set(FIRST.jwk()))
    async with followed(PublishedKeys(str(path), ClaimPaths(), pace=PACE)) as keys:
        assert list(keys.keys) == ["first"]
        path.write_bytes(key_set(FIRST.jwk(), SECOND.jwk()))
        await until_known(keys, "first", "second")
        path.write_bytes(b"half a")
        await asyncio.sleep(0.1)
        assert sorted(keys.keys) == ["first", "second"]
        assert keys.problem == f"{path}: the key set is no JSON"
        path.write_bytes(key_set(SECOND.jwk()))
        await until_known(keys, "second")
        assert keys.problem is None


async def test_unknown_keys_cause_one_fetch_in_the_gap(provider: Provider) -> None:
    async with followed(PublishedKeys(provider.url, ClaimPaths(), pace=PACE)) as keys:
        started = monotonic()
        provider.body = key_set(FIRST.jwk(), SECOND.jwk())
        while monotonic() - started < PACE.gap_s * 0.8:
            keys.wish()
            await asyncio.sleep(0.005)
        assert (provider.asked, list(keys.keys)) == (1, ["first"])
        await until_known(keys, "first", "second")
        assert provider.asked == 2
        await asyncio.sleep(PACE.gap_s * 1.5)
        assert provider.asked == 2  # nobody wished for more
        keys.wish()
        await asyncio.sleep(0.1)
        assert provider.asked == 3


async def test_without_a_wish_the_set_is_read_again_in_time(provider: Provider) -> None:
    pace = JwksPace(gap_s=0.05, every_s=0.2)
    async with followed(PublishedKeys(provider.url, ClaimPaths(), pace=pace)) as keys:
        provider.body = key_set(SECOND.jwk())
        await until_known(keys, "second")
        assert provider.asked == 2


FAILURES: dict[str, tuple[dict[str, object], str]] = {
    "an error": ({"status": 500}, "it answered 500; expected 200"),
    "a redirect": (
        {"status": 302, "headers": {"Location": "/elsewhere"}},
        "it answered 302; expected 200",
    ),
    "a page": ({"body": b"<html>"}, "the key set is no JSON"),
    "no keys": ({"body": b'{"keys": []}'}, "no usable key"),
    "too much": (
        {"body": json.dumps({"keys": [], "x": "x" * JWKS_BYTES_MAX}).encode()},
        "larger than 200000 bytes",
    ),
    "silence": ({"slow": threading.Event()}, "no answer within 0.5 s"),
    "an encoding that is none": (
        {"headers": {"Content-Encoding": "gzip"}},
        "it cannot be read (DecodingError)",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_where_reading_fails_the_last_keys_stand(provider: Provider, name: str) -> None:
    keys = PublishedKeys(provider.url, ClaimPaths(), pace=PACE)
    await keys.refresh()
    assert keys.problem is None
    changed, said = FAILURES[name]
    for attribute, value in changed.items():
        setattr(provider, attribute, value)
    await keys.refresh()
    assert said in str(keys.problem)
    assert list(keys.keys) == ["first"]
    assert provider.asked == 2
    if provider.slow is not None:
        provider.slow.set()


async def test_a_provider_that_comes_later_is_found(tmp_path: Path) -> None:
    keys = PublishedKeys("http://127.0.0.1:9/keys?secret=geheim", ClaimPaths(), pace=PACE)
    await keys.refresh()
    assert keys.keys == {}
    assert str(keys.problem).startswith("http://127.0.0.1:9/keys: it cannot be read")
    provider = Provider(status=503, body=key_set(FIRST.jwk()))
    with serving(provider):
        async with followed(PublishedKeys(provider.url, ClaimPaths(), pace=PACE)) as late:
            assert late.keys == {}
            provider.status = 200
            await until_known(late, "first")
