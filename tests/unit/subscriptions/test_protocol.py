"""Words of graphql-transport-ws, read strictly and written exactly."""

import random
from typing import Any

import orjson
import pytest

from hub.security.refused import TokenFault, refused
from subscriptions import protocol
from subscriptions.protocol import (
    MESSAGE_BYTES_MAX,
    OPERATION_ID_MAX,
    REASON_BYTES_MAX,
    Closing,
    Code,
    Complete,
    Init,
    Ping,
    Pong,
    Subscribe,
    closing_of,
    read_word,
)

SEED = 20261121


def read(**word: Any) -> Any:
    return read_word({"type": "websocket.receive", "text": orjson.dumps(word).decode()})


def test_each_word_of_a_client_is_read() -> None:
    assert read(type="connection_init") == Init({})
    assert read(type="connection_init", payload={"a": 1}) == Init({"a": 1})
    assert read(type="ping") == Ping(None)
    assert read(type="ping", payload={"a": 1}) == Ping({"a": 1})
    assert read(type="pong", payload={}) == Pong()
    assert read(type="complete", id="a") == Complete("a")
    word = read(type="subscribe", id="a", payload={"query": "{ a }", "variables": None})
    assert isinstance(word, Subscribe)
    assert (word.id, word.request.query, word.request.variables) == ("a", "{ a }", {})


@pytest.mark.parametrize("id_", ["", "x" * (OPERATION_ID_MAX + 1), None, 1, [], {}])
def test_an_operation_has_a_name_of_some_length(id_: Any) -> None:
    with pytest.raises(Closing) as closing:
        read(type="complete", id=id_)
    assert closing.value.code == Code.MALFORMED
    assert str(closing.value) == "'id' is no text of 1 to 200 characters"


def test_a_message_has_a_bound() -> None:
    longest = MESSAGE_BYTES_MAX - len(orjson.dumps({"type": "pong", "payload": {"a": ""}}))
    assert read(type="pong", payload={"a": "x" * longest}) == Pong()
    with pytest.raises(Closing, match="larger than 65536 bytes"):
        read(type="pong", payload={"a": "x" * (longest + 1)})


def test_a_reason_fits_a_close_frame() -> None:
    for text in ("x" * 500, "\u4e2d" * 200, "\U0001f3c3" * 100):
        reason = Closing(Code.MALFORMED, text).reason
        assert text.startswith(reason)
        assert REASON_BYTES_MAX - 4 < len(reason.encode()) <= REASON_BYTES_MAX
    closing = closing_of(refused(TokenFault.EXPIRED, "the token has expired; sign in again"))
    assert (closing.code, closing.reason) == (
        4403, "TOKEN_EXPIRED: the token has expired; sign in again",
    )  # fmt: skip


def test_what_the_hub_says_is_json_whatever_the_id() -> None:
    for id_ in ("a", '"', "\\", "\n", "\u4e2d", "a" * 200):
        told = protocol.next_head(id_) + b'{"data":null}' + protocol.NEXT_TAIL
        assert orjson.loads(told) == {"id": id_, "type": "next", "payload": {"data": None}}
        assert orjson.loads(protocol.complete(id_)) == {"id": id_, "type": "complete"}
        assert orjson.loads(protocol.error(id_, [{"message": "x"}])) == {
            "id": id_, "type": "error", "payload": [{"message": "x"}],
        }  # fmt: skip
    assert orjson.loads(protocol.pong(None)) == {"type": "pong"}
    assert orjson.loads(protocol.pong({"a": 1})) == {"type": "pong", "payload": {"a": 1}}


def test_any_text_is_a_word_or_malformed() -> None:
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    good = b'{"id":"a","type":"subscribe","payload":{"query":"{ a }","variables":{"b":[1,2]}}}'
    for _ in range(5_000):
        content = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            content[chance.randrange(len(content))] = chance.choice(b'{}[]",:0a\\ \x00')
        message = {"type": "websocket.receive", "text": content.decode()}
        try:
            word = read_word(message)
        except Closing as closing:
            assert closing.code == Code.MALFORMED, content
        else:
            assert isinstance(word, Subscribe | Init | Ping | Pong | Complete)
