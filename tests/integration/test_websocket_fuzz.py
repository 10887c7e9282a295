"""Whatever is sent to a socket, it is closed with a code of the protocol, or goes on."""

import asyncio
import os
import random
import socket
import struct
from base64 import b64encode
from typing import Any

import orjson
import pytest

from tests.integration.live_server import LiveServer, Talk, live_server

pytestmark = pytest.mark.timeout(300)

SEED = int(os.environ.get("OPSHUB_TEST_SEED", "20261121"))
CASES = int(os.environ.get("OPSHUB_PROVE_SOCKET_CASES", "60"))
CODES = {4400, 4401, 4403, 4409, 4429}
LAST: tuple[str | bytes, ...] = ("[]", "{", "1", b"\x00")
INIT = b'{"type":"connection_init","payload":{"authorization":"Bearer agent"}}'


@pytest.fixture
async def server() -> Any:
    async with live_server() as server:
        yield server


MALFORMED: list[str | bytes] = [
    "[]", "1", "null", "true", '"x"', "", " ", "{", "{}", "[[]]", "nul", "NaN", "\ud83d".encode(
        "utf-8", "surrogatepass").decode("latin-1"),
    '{"type":null}', '{"type":1}', '{"type":"connection_init","payload":null}',
    '{"type":"connection_init","payload":[]}', '{"type":"connection_init","payload":1}',
    '{"type":"start"}', '{"type":"ping","payload":null}', '{"type":"pong","payload":[1]}',
    '{"type":"complete"}', '{"type":"complete","id":null}', '{"type":"complete","id":""}',
    '{"type":"complete","id":7}', '{"type":"subscribe"}', '{"type":"subscribe","id":"a"}',
    '{"type":"subscribe","id":"a","payload":null}', '{"type":"subscribe","id":"a","payload":[]}',
    '{"type":"subscribe","id":"a","payload":{}}',
    '{"type":"subscribe","id":"a","payload":{"query":null}}',
    '{"type":"subscribe","id":"a","payload":{"query":7}}',
    '{"type":"subscribe","id":"a","payload":{"query":"{a}","variables":[]}}',
    '{"type":"subscribe","id":"a","payload":{"query":"{a}","more":1}}',
    '{"type":"subscribe","id":{},"payload":{"query":"{a}"}}',
    '{"type":"ping","type":"pong"}', '{"type":"connection_ack"}',
    '{"type":"next","id":"a","payload":{}}',
    '{"type":"ping","payload":' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "}",
    "[" * 30_000, "[" * 100 + "]" * 100, '{"a":"\\ud800"}',
    '{"type":"ping","payload":{"a":"' + "x" * 70_000 + '"}}', "x" * 300_000,
    '{"type":"subscribe","id":"' + "i" * 300 + '","payload":{"query":"{a}"}}',
    b"\x00\x01", b"", INIT,
]  # fmt: skip


@pytest.mark.parametrize("is_known", [False, True])
async def test_what_is_malformed_closes_with_4400(server: LiveServer, is_known: bool) -> None:
    for message in MALFORMED:
        async with server.connect() as connection:
            talk = Talk(connection)
            if is_known:
                await connection.send(INIT.decode())
                await talk.heard()
            await connection.send(message)
            code, _ = await talk.closed()
            assert code == 4400, (message[:80], code)


def _frame(opcode: int, payload: bytes, *, is_last: bool = True) -> bytes:
    """A masked frame, with a mask of zeros."""
    head = bytes([opcode | (0x80 if is_last else 0)])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", len(payload))
    return head + bytes(4) + payload


async def _spoken(server: LiveServer, *frames: bytes) -> int:
    """The code a client hears that sends these bytes after the handshake; 1006 for none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    key = b64encode(bytes(16)).decode()
    writer.write(
        f"GET /graphql HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
    )
    await reader.readuntil(b"\r\n\r\n")
    try:
        for frame in frames:
            writer.write(frame)
            await writer.drain()
        while True:
            async with asyncio.timeout(8):
                opcode, length = await reader.readexactly(2)
                if length == 126:
                    length = struct.unpack("!H", await reader.readexactly(2))[0]
                payload = await reader.readexactly(length)
            if opcode == 0x88:
                return int(struct.unpack("!H", payload[:2])[0])
    except (asyncio.IncompleteReadError, ConnectionError):
        return 1006
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([_frame(1, b"\xff\xfe{}")], 4400),
        ([_frame(1, b'{"type":', is_last=False), _frame(0, b"\xc3\x28")], 4400),
        ([_frame(2, b"\xff\xfe")], 4400),
        ([_frame(1, b"x" * 65_537)], 4400),
        ([_frame(1, b"x" * 2_000_000)], 4400),
        ([_frame(1, b"x" * 60_000, is_last=False), _frame(0, b"x" * 60_000)], 4400),
        ([_frame(1, b"[]") * 50], 4400),
        ([_frame(3, b"")], 1002),
        ([_frame(0, b"x")], 1002),
        ([bytes([0x81, 0x01, 0x61])], 1002),  # not masked
        ([_frame(8, b"\x03")], 1002),
    ],
)  # fmt: skip
async def test_bytes_that_are_no_text_close_with_a_code(
    server: LiveServer, frames: list[bytes], code: int
) -> None:
    assert await _spoken(server, *frames) == code


def _value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randrange(8 if depth < 4 else 6)
    if kind == 6:
        return [_value(chance, depth + 1) for _ in range(chance.randrange(4))]
    if kind == 7:
        return {_word(chance): _value(chance, depth + 1) for _ in range(chance.randrange(4))}
    return (None, True, chance.randint(-(2**70), 2**70), chance.random(), _word(chance), "")[kind]


def _word(chance: random.Random) -> str:
    return chance.choice(
        ["type", "id", "payload", "query", "variables", "authorization", "Bearer agent", "a",
         "\u4e2d", "{ number }", "subscription { ticks { number } }", "{", "operationName"]
    )  # fmt: skip


def _message(chance: random.Random) -> str | bytes:
    types = ["connection_init", "ping", "pong", "subscribe", "complete", "next", _word(chance)]
    word: dict[str, Any] = {"type": chance.choice(types)}
    for name in ("id", "payload"):
        if chance.random() < 0.7:
            word[name] = _value(chance)
    if chance.random() < 0.5 and word["type"] == "subscribe":
        word |= {"id": "a", "payload": {"query": _word(chance), "variables": _value(chance)}}
    text = (
        orjson.dumps(word, default=str, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
        if not _big(word)
        else repr(word).encode()
    )
    if chance.random() < 0.2:
        at = chance.randrange(len(text))
        text = text[:at] + chance.randbytes(2) + text[at + chance.randrange(3) :]
    if chance.random() < 0.05:
        return text
    return text.decode("utf-8", "replace")


def _big(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_big, value.values()))
    if isinstance(value, list):
        return any(map(_big, value))
    return isinstance(value, int) and not -(2**63) <= value < 2**64


@pytest.mark.prove
async def test_anything_at_all_ends_with_a_code_or_not_at_all(server: LiveServer) -> None:
    print(f"seed {SEED}, {CASES} cases")
    for case in range(CASES):
        chance = random.Random(SEED + case)
        async with server.connect() as connection:
            talk = Talk(connection)
            if chance.random() < 0.8:
                await connection.send(INIT.decode())
            messages = [_message(chance) for _ in range(chance.randint(1, 6))]
            for message in messages:
                await connection.send(message)
            last: str | bytes = (
                chance.choice(["[]", "{", "1"]) if chance.random() < 0.7 else b"\x00"
            )
            await connection.send(last)
            code, _ = await talk.closed()
        assert code in CODES, (SEED + case, messages, code)
    assert not server.ticks.open_streams


async def test_a_client_that_vanishes_leaves_nothing(server: LiveServer) -> None:
    for _ in range(5):
        async with server.talk() as talk:
            await talk.subscribe("a")
            await talk.subscribe("b", "{ slow }")
            talk.socket.transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            talk.socket.transport.abort()
    async with asyncio.timeout(5):
        await asyncio.sleep(0.3)
    assert (len(server.sockets), server.ticks.open_streams) == (0, set())
