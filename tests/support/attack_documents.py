"""Documents made to cost a server more than their sender; each says how it is to be refused."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Attack:
    """`limit` is the one that is named where the code is DOCUMENT_TOO_LARGE."""

    name: str
    query: str
    limit: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)
    code: str = "DOCUMENT_TOO_LARGE"


def _repeated(template: str, times: int) -> str:
    return " ".join(template.format(i=number, next=number + 1) for number in range(times))


def _chain(body: str, last: str) -> str:
    """Each fragment spreads the next one twice: 30 of them double what is asked 2^30 times."""
    fragments = _repeated("fragment f{i} on Query {{ " + body + " }}", 30)
    return f"{{ ...f0 }} {fragments} fragment f30 on Query {{ {last} }}"


TWICE = "...f{next} ...f{next}"
LONG_TEXT = "x" * 49_000

NESTED_OBJECT = _repeated("a{i}: {{ " + "b: 1 " * 28 + "}}", 22)
WIDE_LISTS = _repeated("a{i}: [ " + "1 " * 490 + "]", 3)
LINK = 'mutation { linkReferences(noun: "x", reason: "x", idempotencyKey: "x", refs: '

ATTACKS = (
    Attack("aliases", "{ " + _repeated("a{i}: me {{ subject }}", 200) + " }", "rootFields"),
    Attack(
        "aliases below", "{ me { " + _repeated("a{i}: subject", 400) + " } }", "aliases",
    ),
    Attack("directives", "{ me { subject " + "@skip(if: false) " * 60 + "} }", "directives"),
    Attack("unknown directives", "{ me { subject " + "@x " * 900 + "} }", "directives"),
    Attack("chain of doubled spreads", _chain(TWICE, "__typename"), "rootFields"),
    Attack("chain of doubled empty spreads", _chain(TWICE, ""), "fields"),
    Attack(
        "chain of doubled fields", _chain("a: me {{ subject }} " + TWICE, "__typename"),
        "rootFields",
    ),
    Attack(
        "chain of nested doubles",
        "{ node(id: \"x\") { ...f0 } } "
        + _repeated(
            "fragment f{i} on Order {{ a: customer {{ cases {{ order {{ ...f{next} ...f{next} }} }}"
            " }} }}",
            30,
        )
        + " fragment f30 on Order { number }",
        "depth",
    ),
    Attack(
        "unused chain",
        "{ __typename } " + _chain(TWICE, "__typename").removeprefix("{ ...f0 } "),
        "fields",
    ),
    Attack("deep", "{ node" * 900 + " }" * 900, "nesting"),
    Attack("deep within the tokens", "{ node" * 300 + " }" * 300, "nesting"),
    Attack("deep within the parser", "{ node" * 60 + " }" * 60, "nesting"),
    Attack("deeper than any question", "{ node" * 14 + " { id }" + " }" * 14, "depth"),
    Attack("deep inline fragments", "{ " + "... { " * 60 + "__typename" + " }" * 61, "nesting"),
    Attack("duplicates of 12 KB", "{ me { " + "subject " * 1_500 + "} }", "fields"),
    Attack("duplicates of 20 KB", "{ me { " + "subject " * 2_500 + "} }", "tokens"),
    Attack("duplicates of 7 KB", "{ me { " + "subject " * 900 + "} }", "comparisons"),
    Attack(
        "duplicates two levels deep",
        "{ " + "systems { " * 1 + "name " * 250 + "} " + "systems { name name } " * 10 + "}",
        "comparisons",
    ),
    Attack(
        "many mentions of a long list",
        '{ order(number: "1") { ' + "...a " * 300 + "} } fragment a on Order "
        "{ timeline(categories: [" + "ORDER " * 450 + "]) { totalCount } }",
        "comparisons",
    ),
    Attack(
        "conflicting arguments",
        '{ order(number: "1") { ' + _repeated("timeline(first: {i}) {{ totalCount }}", 100) + "} }",
        "comparisons",
    ),
    Attack(
        "conflicting arguments within the comparisons",
        '{ order(number: "1") { ' + _repeated("timeline(first: {i}) {{ totalCount }}", 55) + "} }",
        code="DOCUMENT_INVALID",
    ),
    Attack(
        "merged fragments",
        '{ order(number: "1") { '
        + _repeated("...f{i}", 45)
        + " } } "
        + _repeated(
            "fragment f{i} on Order {{ id number status placedOn currency total {{ amount }} }}", 45
        ),
        "comparisons",
    ),
    Attack("members of an object", "{ order(sourceRef: { " + "a: 1 " * 655 + "}) { id } }",
           "objectValues"),
    Attack("unknown members of an object",
           "{ order(sourceRef: { " + _repeated("a{i}: 1", 600) + " }) { id } }", "objectValues"),
    Attack("objects in an object", f"{{ order(sourceRef: {{ {NESTED_OBJECT} }}) {{ id }} }}",
           "objectValues"),
    Attack("lists in an object", f"{{ order(sourceRef: {{ {WIDE_LISTS} }}) {{ id }} }}",
           "objectValues"),
    Attack(
        "an object in a default",
        "query ($r: SourceRefInput = { " + "a: 1 " * 600 + "}) { order(sourceRef: $r) { id } }",
        "objectValues",
    ),
    Attack("an object in a directive",
           "{ me { subject @skip(if: { " + "a: 1 " * 600 + "}) } }", "objectValues"),
    Attack("long text in an object",
           f'{{ order(sourceRef: {{ {_repeated("a{i}: 1", 28)} b: "{LONG_TEXT[:40_000]}" }})'
           " { id } }", "objectCharacters"),
    Attack("unknown members within the limit",
           "{ order(sourceRef: { " + _repeated("a{i}: 1", 30) + " }) { id } }",
           code="DOCUMENT_INVALID"),
    Attack("many objects in a list", LINK + "[" + "{ b: 1 } " * 300 + "]) { id } }",
           code="DOCUMENT_INVALID"),
    Attack("many large objects in a list",
           LINK + "[" + ("{ " + "b: 1 " * 29 + "} ") * 20 + "]) { id } }",
           code="DOCUMENT_INVALID"),
    Attack("duplicates of one argument", "{ order(" + 'number: "1" ' * 640 + ") { id } }",
           "arguments"),
    Attack("duplicates of one argument of fields",
           "{ " + ("order(" + 'number: "1" ' * 30 + ") { id } ") * 20 + "}", "comparisons"),
    Attack("duplicates of one argument of aliases",
           "{ " + _repeated("a{i}: order(" + 'number: "1" ' * 28 + ") {{ id }}", 20) + "}",
           code="DOCUMENT_INVALID"),
    Attack("duplicates of one argument of a directive",
           "{ me { subject @skip(" + "if: true " * 640 + ") } }", "arguments"),
    Attack("unknown arguments of a directive",
           "{ me { subject @x(" + _repeated("a{i}: 1", 600) + ") } }", "arguments"),
    Attack(
        "long list", "{ orders(ids: [" + '"x" ' * 1_000 + "]) { number } }", "listItems",
    ),
    Attack(
        "long list in a variable",
        "query ($ids: [ID!]!) { orders(ids: $ids) { number } }",
        "listItems",
        {"ids": ["x"] * 15_000},
    ),
    Attack(
        "many lists in a variable",
        "query ($ids: [ID!]!) { orders(ids: $ids) { number } }",
        "inputValues",
        {"ids": [["x"] * 400] * 30},
    ),
    Attack(
        "deep variable",
        "query ($ref: SourceRefInput) { order(sourceRef: $ref) { number } }",
        "inputValues",
        {"ref": [[[["x"] * 100] * 10] * 10]},
    ),
    Attack("page", '{ search(text: "so", first: 101) { hits { field } } }', "pageSize"),
    Attack("huge page", f'{{ search(text: "so", first: {"9" * 40_000}) {{ hits {{ field }} }} }}',
           "pageSize"),
    Attack(
        "page in a variable",
        'query ($n: Int!) { search(text: "so", first: $n) { hits { field } } }',
        "pageSize",
        {"n": 101},
    ),
    Attack(
        "page in a default",
        'query ($n: Int = 5000) { search(text: "so", first: $n) { hits { field } } }',
        "pageSize",
    ),
    Attack("circle of fragments",
           "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
           code="DOCUMENT_INVALID"),
    Attack("fragment of itself", "{ ...a } fragment a on Query { ...a }", code="DOCUMENT_INVALID"),
    Attack(
        "unused circle",
        "{ __typename } fragment a on Query { ...b } fragment b on Query { ...a }",
        code="DOCUMENT_INVALID",
    ),
    Attack(
        "circular introspection",
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        "introspectionLists",
    ),
    Attack(
        "circular introspection of one type",
        '{ __type(name: "Query") { fields { type { interfaces { possibleTypes { name } } } } } }',
        "introspectionLists",
    ),
    Attack(
        "wide introspection",
        "{ __schema { " + _repeated("t{i}: types {{ fields {{ name }} }}", 20) + " } }",
        "introspectionAliases",
    ),
    Attack("many operations", _repeated("query q{i} {{ __typename }}", 100), "operations"),
    Attack("many fragments", "{ me { ...f0 } } " + _repeated(
        "fragment f{i} on Me {{ subject }}", 100), "fragments"),
    Attack("many variables", "query (" + _repeated("$v{i}: Int", 100) + ") { __typename }",
           "variables"),
    Attack("comments", "#x\n" * 10_000 + "{ __typename }", "comments"),
    Attack("blanks", " " * 900_000 + "{ __typename }", "characters"),
    Attack("one long comment", "#" + "x" * 900_000 + "\n{ __typename }", "characters"),
    Attack("nested list literal", "{ orders(ids: " + "[" * 900 + "]" * 900 + ") { number } }",
           "nesting"),
    Attack("nested list literal within the tokens",
           "{ orders(ids: " + "[" * 400 + "]" * 400 + ") { number } }", "nesting"),
    Attack("nested type", "query ($a: " + "[" * 400 + "Int" + "]" * 400 + ") { __typename }",
           "nesting"),
    Attack("unknown fields", "{ me { " + _repeated("subjec{i}", 900) + " } }",
           code="DOCUMENT_INVALID"),
    Attack("unknown arguments", "{ me { subject(" + _repeated("subjec{i}: 1", 600) + ") } }",
           "arguments"),
    Attack("unknown arguments within the limit",
           "{ me { subject(" + _repeated("subjec{i}: 1", 30) + ") } }", code="DOCUMENT_INVALID"),
    Attack("unknown arguments of many fields",
           "{ " + _repeated("a{i}: order(" + " ".join(f"numbe{n}: 1" for n in range(28))
                            + ") {{ id }}", 20) + " }", code="DOCUMENT_INVALID"),
    Attack("unknown types", "{ me { " + _repeated("... on Orde{i} {{ x }}", 150) + " } }",
           "comparisons"),
    Attack("unknown types within the comparisons",
           "{ me { " + _repeated("... on Orde{i} {{ x }}", 95) + " } }", code="DOCUMENT_INVALID"),
    Attack(
        "unknown words",
        "query ($c: [TimelineCategory!]) "
        '{ order(number: "1") { timeline(categories: $c) { totalCount } } }',
        variables={"c": ["ORDRE"] * 500},
        code="DOCUMENT_INVALID",
    ),
    Attack("a schema", "type X { " + _repeated("a{i}: Int", 600) + " }", code="DOCUMENT_INVALID"),
    Attack("one fragment name many times",
           "{ ...a } " + "fragment a on Query { __typename } " * 45, code="DOCUMENT_INVALID"),
    Attack("long text", f'{{ order(number: "{LONG_TEXT}") {{ nmber }} }}', code="DOCUMENT_INVALID"),
    Attack("unended text", f'{{ order(number: "{LONG_TEXT}', code="DOCUMENT_INVALID"),
    Attack("block text", f'{{ order(number: """{LONG_TEXT}', code="DOCUMENT_INVALID"),
)  # fmt: skip


def bodies() -> Iterator[tuple[str, bytes]]:
    """Bodies that are refused before a document is found in them."""
    yield "5 MB of text", b'{"query": "' + b"x" * 5_000_000 + b'"}'
    yield "5 MB of brackets", b"[" * 5_000_000
    yield "no UTF-8", b'{"query": "{ __typename } \xff\xfe"}'
    yield "half a character", b'{"query": "\xc3"}'
    yield "brackets", b"[" * 900_000
    yield "deep object", b'{"query": "{ __typename }", "variables": ' + b'{"a":' * 150_000
