"""Requests nobody should send: valid ones mutated, and noise. The same seed gives the same ones."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

Body = dict[str, Any]
Headers = list[tuple[bytes, bytes]]

DOCUMENTS: Sequence[tuple[str, dict[str, Any]]] = (
    ("{ __typename }", {}),
    ("{ systems { name role kind state code } }", {}),
    ("query A($n: String!) { order(number: $n) { number status lines { sku } } }", {"n": "100002"}),
    ("query ($id: ID!) { node(id: $id) { __typename id } }", {"id": "T3JkZXI6MQ"}),
    ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["x", "y"]}),
    ("query ($t: String!) { search(text: $t, first: 5) { hits { value } } }", {"t": "bolt"}),
    ("query ($s: [String!]!) { availability(skus: $s) { sku mode } }", {"s": ["A-1"]}),
    (
        "query ($i: String!, $f: DateTime) { order(number: $i) {"
        " timeline(first: 3, since: $f) { nodes { title } } } }",
        {"i": "100002", "f": "2026-03-01T09:30:00Z"},
    ),
    ("query ($c: ID!, $q: Decimal!) { price(customer: $c, sku: \"A-1\", quantity: $q) { sku } }",
     {"c": "x", "q": "12.50"}),
    ("query ($s: SourceRefInput) { order(sourceRef: $s) { id } me { subject roles } }",
     {"s": {"system": "erp-eu", "externalId": "100002"}}),
    ("query ($n: String!, $a: [ActorType!], $w: Boolean!) { order(number: $n) { lines { sku }"
     " timeline(last: 2, actorTypes: $a) @include(if: $w) { nodes { title } } } }",
     {"n": "100002", "a": ["AGENT"], "w": True}),
    ("mutation ($r: [SourceRefInput!]!) { linkReferences(idempotencyKey: \"k\","
     " noun: \"customer\", reason: \"fuzz\", refs: $r) { __typename } }",
     {"r": [{"system": "crm", "externalId": "1"}]}),
    ("query ($n: String!) { __type(name: $n) { name fields { name } } }", {"n": "Order"}),
    ("fragment F on Order { number } query ($n: String!) { order(number: $n) { ...F } }",
     {"n": "7"}),
)  # fmt: skip
ODD: Sequence[Any] = (
    None, True, False, 0, -1, 2**31, 2**63, 2**64, 10**300, 1.5, -0.0, "", "\x00", "é", "🏃" * 50,
    "x" * 5_000, [], [[]], [None], {}, {"a": {"b": []}}, {"": ""}, [1, "2", {}], "\\u0000", "{",
    "' OR 1=1 --", "../../x", "2026-13-01T99:00:00Z", "9999-12-31T23:59:59+23:59",
)  # fmt: skip
RAW: Sequence[bytes] = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"1" * 5_000, b'"\\ud800"', b"01", b"+1", b"'x'",
    b"[" * 200 + b"]" * 200, b'{"a":' * 200 + b"1" + b"}" * 200, b"[" * 100_000,
)  # fmt: skip
PIECES = (
    *"{}()[]:!$@|&=\"#,\\", "...", "\x00", "\ufeff", "\u00e9", "query", "mutation", "on",
    "subscription { a }", "fragment F on Order { ...F }", "@skip(if: true)", "@include(if: $n)",
    '"""block"""', '"\\u{110000}"', "1e999", "-", "__schema { types { name } }", "a: __typename",
    "{ a" * 400, "... on Order " * 50, "x" * 3_000, '"\\ud800"', "[" * 300, "@a" * 60,
)  # fmt: skip
HEADER_VALUES: Sequence[tuple[bytes, Sequence[bytes]]] = (
    (b"content-type", (b"", b"text/plain", b"application/json; charset=utf-16", b"\xff\xfe",
                       b"multipart/form-data; boundary=x", b"application/json;;;", b"/")),
    (b"accept", (b"", b"*/*", b"text/html", b"application/*;q=0", b"a/b;q=nan", b"," * 900,
                 b"application/json;q=1e9", b"\xe9", b"application/graphql-response+json")),
    (b"authorization", (b"", b"Bearer", b"Bearer " + b"x" * 9_000, b"Bearer \xff.\xff.\xff",
                        b"Basic eDp5", b"Bearer e30.e30.", b"Bearer [" + b"[" * 3_000)),
    (b"content-encoding", (b"gzip", b"identity", b"br, gzip", b"\x80")),
    (b"content-length", (b"-1", b"abc", b"9" * 30, b"1e3", b"", b"\xb2", b"5")),
    (b"origin", (b"null", b"https://evil.example", b"http://[", b"http://hub", b"\xff")),
    (b"x-correlation-id", (b"", b"a b", b"\r\nx", b"y" * 500, b"good-enough-id")),
    (b"traceparent", (b"", b"00-0-0-00", b"\xff" * 60)),
)  # fmt: skip
METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "post", "\u212a")


@dataclass
class FuzzedRequest:
    """One HTTP request. `chunks` are its body as it arrives."""

    chunks: list[bytes]
    method: str = "POST"
    query_string: bytes = b""
    headers: Headers = field(default_factory=list)


def fuzzed(seed: int, count: int, token: str) -> list[FuzzedRequest]:
    """That many requests. Most carry a valid token, or few would get beyond it."""
    chance = random.Random(seed)
    return [_one(chance, token) for _ in range(count)]


def _one(chance: random.Random, token: str) -> FuzzedRequest:
    body = chance.choice((_json_mutated, _json_mutated, _document_mutated, _bytes_mutated, _noise))
    content = body(chance)
    request = FuzzedRequest(_chunked(chance, content))
    request.headers = [
        (b"host", b"hub"), (b"content-type", b"application/json"),
        (b"authorization", b"Bearer " + token.encode()),
    ]  # fmt: skip
    if chance.random() < 0.25:
        _mutate_headers(chance, request)
    if chance.random() < 0.05:
        request.method = chance.choice(METHODS)
        request.query_string = content[:2_000]
    return request


def _valid(chance: random.Random) -> Body:
    document, variables = chance.choice(DOCUMENTS)
    return {"query": document, "variables": dict(variables)}


def _dumped(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _json_mutated(chance: random.Random) -> bytes:
    """A valid body with a member of a wrong kind, unknown, missing, twice, or written by hand."""
    body = _valid(chance)
    for _ in range(chance.randint(0, 2)):
        _mutate_member(chance, body)
    content = _dumped(body)
    if chance.random() < 0.2:
        raw = chance.choice(RAW)
        content = content[:-1] + b', "variables": {"n": ' + raw + b"}}"
    if chance.random() < 0.1:
        content = content.replace(b'"variables"', chance.choice((b'"query"', b'""', b'"id"')))
    return content


def _mutate_member(chance: random.Random, body: Body) -> None:
    names = ["query", "operationName", "variables", "extensions", "documentId", "id", "q\x00", ""]
    if isinstance(body.get("variables"), dict) and chance.random() < 0.6:
        body["variables"][chance.choice([*body["variables"], "more"])] = chance.choice(ODD)
    elif chance.random() < 0.2:
        body.pop(chance.choice(names), None)
    else:
        body[chance.choice(names)] = chance.choice(ODD)


def _document_mutated(chance: random.Random) -> bytes:
    """A valid body whose document has pieces put in, taken out or repeated."""
    body = _valid(chance)
    words: list[str] = body["query"].split(" ")
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(words) + 1)
        change: Callable[[], object] = chance.choice((
            lambda at=at: words.insert(at, chance.choice(PIECES)),
            lambda at=at: words.__delitem__(slice(at, at + 1)),
            lambda at=at: words.insert(at, words[at - 1] if words else "x"),
        ))  # fmt: skip
        change()
    return _dumped(body | {"query": " ".join(words)})


def _bytes_mutated(chance: random.Random) -> bytes:
    """The bytes of a valid body with some of them flipped, cut, doubled or encoded otherwise."""
    content = bytearray(_dumped(_valid(chance)))
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(content))
        content[at : at + chance.randint(0, 2)] = chance.randbytes(chance.randint(0, 2))
        if not content:
            break
    cut = content[: chance.randrange(len(content) + 1)]
    encoded = content.decode("utf-8", "replace").encode("utf-16", "replace")
    return bytes(chance.choice((content, content, cut, b"\xef\xbb\xbf" + content, encoded)))


def _noise(chance: random.Random) -> bytes:
    return chance.choice((
        chance.randbytes(chance.randint(0, 300)), chance.choice(RAW), _dumped(chance.choice(ODD)),
        _dumped([_valid(chance)] * chance.randint(0, 3)), b" " * chance.randint(0, 9),
    ))  # fmt: skip


def _mutate_headers(chance: random.Random, request: FuzzedRequest) -> None:
    name, values = chance.choice(HEADER_VALUES)
    kept = [pair for pair in request.headers if pair[0] != name or chance.random() < 0.2]
    request.headers = [*kept, (name, chance.choice(values))]


def _chunked(chance: random.Random, content: bytes) -> list[bytes]:
    """The content in one piece, or in up to four, some of them empty."""
    cuts = sorted(chance.randrange(len(content) + 1) for _ in range(chance.choice((0, 0, 0, 3))))
    edges = [0, *cuts, len(content)]
    return [content[start:end] for start, end in pairwise(edges)]
