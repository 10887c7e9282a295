"""What a systems file names outside of a system: other records, import files, functions."""

import json
import logging
from pathlib import Path

import pytest

from hub.config.check import as_text, problems_of
from hub.config.systems import load_systems
from tests.unit.config.examples import example_text, load_text, mistakes_in

TWO_SYSTEMS = """\
version: 1
systems:
  shop:
    role: commerce
    kind: sql
    url: sqlite:///a
    entities: { item: { from: a, key: k, fields: { sku: k } } }
  erp:
    role: erp
    kind: sql
    url: sqlite:///b
    entities:
      order:
        from: b
        key: k
        fields:
          customer: { column: c, to: shop.customer }
          number: k
"""
AT = "systems.yaml:17:38: note: systems.erp.entities.order.fields.customer.to: "


def notes_in(folder: Path, text: str) -> list[str]:
    """Each problem and note of a text that can be used."""
    load_text(folder, text)
    problems = problems_of(folder / "systems.yaml", environ={})
    assert not any(each.is_error for each in problems)
    return [str(each).replace(f"{folder}/", "") for each in problems]


def test_a_noun_its_system_does_not_declare_is_a_note(tmp_path: Path) -> None:
    assert notes_in(tmp_path, TWO_SYSTEMS) == [
        f"{AT}shop declares no customer, so it leads nowhere; "
        "expected customer among the entities of shop"
    ]


def test_the_only_system_that_serves_the_noun_is_proposed(tmp_path: Path) -> None:
    served = TWO_SYSTEMS.replace(
        "sku: k } } }", "sku: k } }, customer: { from: a, key: k, fields: { name: k } } }"
    ).replace("to: shop.customer", "to: erp.customer")
    assert notes_in(tmp_path, served) == [
        f"{AT}erp declares no customer, so it leads nowhere; "
        "expected customer among the entities of erp; did you mean 'shop.customer'?"
    ]


def test_each_system_of_a_column_declares_the_noun(tmp_path: Path) -> None:
    to = "{ column: co, values: { 01: erp, 02: shop } }"
    told = notes_in(tmp_path, TWO_SYSTEMS.replace("shop.customer", to))
    assert [each.split(": ")[0] for each in told] == ["systems.yaml:17:66", "systems.yaml:17:75"]


def test_a_note_is_told_by_check_and_when_the_file_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "systems.yaml"
    file.write_text(TWO_SYSTEMS)
    told = as_text(file, problems_of(file, environ={})).splitlines()
    assert told[0].startswith(f"{tmp_path}/{AT}")
    assert told[1:] == [f"{file}: ok, 1 note"]
    assert caplog.records == []
    load_systems(file, environ={})
    ((level, text),) = [(each.levelno, each.getMessage()) for each in caplog.records]
    assert (level, text) == (logging.WARNING, told[0])


def test_the_example_has_no_note(tmp_path: Path) -> None:
    text = example_text(tmp_path)
    assert mistakes_in(tmp_path, text) == []


MEETING = """
cross_references:
  item: { table: import/items.csv, columns: { shop.item: sku, erp.item: COLUMN } }
"""


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    known = TWO_SYSTEMS.replace("to: shop.customer", "to: erp.order").replace("customer:", "#")
    assert mistakes_in(tmp_path, known + MEETING) == [
        "systems.yaml:21:18: cross_references.item.table: import/items.csv cannot be read "
        "(No such file or directory); expected a CSV file with a header, beside this file"
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"sku,artnr\n1,2\n", "21:73: cross_references.item.columns.erp.item: import/items.csv has "
         "no column 'artno'; expected one of artnr, sku; did you mean 'artnr'?"),
        (b"\xff\xfe", "21:18: cross_references.item.table: import/items.csv cannot be read "
         "(it is no CSV in UTF-8); expected a CSV file with a header, beside this file"),
        (b"sku,artno\n", None),
    ],
)  # fmt: skip
def test_a_table_is_looked_into(tmp_path: Path, content: bytes, told: str | None) -> None:
    (tmp_path / "import").mkdir()
    (tmp_path / "import" / "items.csv").write_bytes(content)
    text = TWO_SYSTEMS.replace("customer: {", "# {") + MEETING.replace("COLUMN", "artno")
    assert mistakes_in(tmp_path, text) == ([] if told is None else [f"systems.yaml:{told}"])


@pytest.mark.parametrize(
    ("target", "at", "told"),
    [
        ("zzz.account", "note: ", "no system 'zzz' in this file, so its keys meet nothing yet; "
         "expected one of erp, shop"),
        ("shp.item", "", "unknown system 'shp'; expected one of erp, shop; "
         "did you mean 'shop.item'?"),
    ],
)  # fmt: skip
def test_a_table_of_a_system_that_is_not_declared(
    tmp_path: Path, target: str, at: str, told: str
) -> None:
    (tmp_path / "import").mkdir()
    (tmp_path / "import" / "items.csv").write_text("sku,artno\n")
    meeting = MEETING.replace("COLUMN", "artno").replace("erp.item", target)
    file = tmp_path / "systems.yaml"
    file.write_text(TWO_SYSTEMS.replace("customer: {", "# {") + meeting)
    (problem,) = problems_of(file, environ={})
    assert str(problem) == f"{file}:21:63: {at}cross_references.item.columns.{target}: {told}"


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("nosuch.mod:fn", "cannot be imported (No module named 'nosuch')"),
        ("json:nosuch", "cannot be imported (module 'json' has no attribute 'nosuch')"),
        ("json:__name__", "cannot be called"),
    ],
)
def test_a_function_that_is_not_there(tmp_path: Path, named: str, told: str) -> None:
    text = TWO_SYSTEMS.replace("number: k", f'number: {{ python: "{named}" }}')
    errors = [each for each in mistakes_in(tmp_path, text) if "note: " not in each]
    assert errors == [
        f"systems.yaml:18:29: systems.erp.entities.order.fields.number.python: '{named}' {told}; "
        "expected module:function that this Python can import"
    ]


@pytest.mark.parametrize(
    "source",
    [
        "SELECT 1 AS k, 2 AS c; DELETE FROM a",
        "SELECT 1 AS k /* ; */; -- ;\n SELECT 2",
        "WITH x AS (SELECT 1) SELECT ';' AS k FROM x; DROP TABLE a;",
        "a; DELETE FROM a",
    ],
)
def test_two_statements_are_refused(tmp_path: Path, source: str) -> None:
    text = TWO_SYSTEMS.replace("from: b\n", f"from: {json.dumps(source)}\n")
    errors = [each for each in mistakes_in(tmp_path, text) if "note: " not in each]
    assert errors == [
        "systems.yaml:14:15: systems.erp.entities.order.from: more than one statement; "
        "expected a table, a view or one SELECT"
    ]


@pytest.mark.parametrize(
    "source",
    [
        "SELECT * FROM a;",
        "SELECT * FROM a WHERE x = ';DROP' -- ; of a comment",
        "SELECT * FROM a WHERE x = 'it''s; so' AND y = $q$;$q$ ; ",
    ],
)
def test_a_semicolon_that_ends_or_is_text_is_none(tmp_path: Path, source: str) -> None:
    text = TWO_SYSTEMS.replace("from: b", f'from: "{source}"')
    assert len(notes_in(tmp_path, text)) == 1


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ("in_flight: 0", "received '0'; expected greater than or equal to 1"),
        ("batch: 100000", "received '100000'; expected less than or equal to 10000"),
        ("batch: many", "received 'many'; expected a whole number"),
    ],
)
def test_a_limit_out_of_its_bounds(tmp_path: Path, limit: str, told: str) -> None:
    text = TWO_SYSTEMS.replace("url: sqlite:///b", f"url: sqlite:///b\n    limits: {{ {limit} }}")
    (error,) = [each for each in mistakes_in(tmp_path, text) if "note: " not in each]
    word = limit.partition(":")[0]
    column = 15 + len(limit) - len(limit.partition(": ")[2])
    assert error == f"systems.yaml:12:{column}: systems.erp.limits.{word}: {told}"


def test_an_odata_system_has_an_article(tmp_path: Path) -> None:
    text = TWO_SYSTEMS.replace("kind: sql", "kind: odata", 1)
    assert any("from in an odata system" in each for each in mistakes_in(tmp_path, text))
