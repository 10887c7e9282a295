"""`config check --connect` as a command: everything at once, mistakes apart from what is slow."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hub_process import environment, opshub

NOBODY_THERE = "http://127.0.0.1:9"  # the discard port; nothing listens on it here
SYSTEMS = """\
version: 1
systems:
  erp:
    role: erp
    kind: sql
    url: "sqlite:///DATABASE"
    entities:
      order:
        from: ordhdr
        key: orno
        fields:
          number: ornum
          po_number: orpo
          sales_person: nosuch
          status: { column: orst, values: { O: OPEN } }
      shipment:
        from: shp
        key: shno
        fields: { number: shno, tracking_number: trno, carrier: crr }
      item:
        from: gone
        key: itno
        fields: { sku: itno }
"""
FAR = f"""\
  far:
    role: crm
    kind: rest
    url: {NOBODY_THERE}
    entities:
      case: {{ by_key: {{ get: "/c?ids={{keys|csv}}" }}, key: id, fields: {{ number: id }} }}
"""
TABLES = """
CREATE TABLE ordhdr (orno TEXT PRIMARY KEY, ornum TEXT, orpo TEXT, orst TEXT);
CREATE INDEX ordhdr_po ON ordhdr (orpo);
CREATE TABLE shp (shno TEXT PRIMARY KEY, trno TEXT, crr TEXT);
INSERT INTO ordhdr VALUES ('1', '1', 'A', 'O'), ('2', '2', 'B', 'X');
"""
ORDER = "systems.erp.entities.order.fields"
COLUMN = (
    f"systems.yaml:14:25: {ORDER}.sales_person: there is no column 'nosuch'; "
    "expected one of orno, ornum, orpo, orst"
)
CODES = (
    f"systems.yaml:15:43: {ORDER}.status.values: occurs but is not mapped: X; "
    "expected a row for every code, or `otherwise`"
)
SLOW = "expected an index, or every lookup reads the whole table"
SLOW_NUMBER = f"systems.yaml:12:19: note: {ORDER}.number: no index begins with ornum; {SLOW}"
SLOW_TRACKING = (
    "systems.yaml:19:50: note: systems.erp.entities.shipment.fields.tracking_number: "
    f"no index begins with trno; {SLOW}"
)
TABLE = (
    "systems.yaml:21:15: systems.erp.entities.item.from: erp: a table is missing (gone); "
    "expected a table, a view or a SELECT that runs"
)
SILENT = "far: it cannot be reached"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "erp.sqlite")) as connection:
        connection.executescript(TABLES)
    return tmp_path


def checked(folder: Path, text: str) -> tuple[int, list[str], dict[str, Any]]:
    """The exit code, the lines and the JSON of the command over a file of this text."""
    database = folder / "erp.sqlite"
    (folder / "systems.yaml").write_text(text.replace("DATABASE", str(database)))
    command = ("config", "check", "systems.yaml", "--connect")
    told = [opshub(*command, *more, cwd=folder) for more in ([], ["--json"])]
    assert [each.stderr for each in told] == ["", ""]
    assert told[0].returncode == told[1].returncode
    return told[0].returncode, told[0].stdout.splitlines(), json.loads(told[1].stdout)


def test_one_finding_hides_no_other(folder: Path) -> None:
    code, lines, told = checked(folder, SYSTEMS + FAR)
    assert code == 1
    assert lines[:5] == [SLOW_NUMBER, COLUMN, CODES, SLOW_TRACKING, TABLE]
    assert lines[5].startswith(f"systems.yaml:27:10: systems.far.url: {SILENT}")
    assert lines[6:] == ["systems.yaml: 4 problems, 2 notes"]
    assert told["ok"] is False
    assert [each["is_error"] for each in told["problems"]] == [False, True, True, False, True, True]
    assert [each["is_unreachable"] for each in told["problems"]] == [False] * 5 + [True]


def test_notes_alone_are_no_failure(folder: Path) -> None:
    item, person = SYSTEMS.index("      item:"), "          sales_person: nosuch\n"
    text = SYSTEMS[:item].replace(person, "").replace("O: OPEN", "O: OPEN, X: CANCELLED")
    code, lines, told = checked(folder, text)
    assert (code, told["ok"]) == (0, True)
    assert lines[-1] == "systems.yaml: ok, 2 notes"
    assert [each["is_error"] for each in told["problems"]] == [False, False]


def test_a_system_that_does_not_answer_has_a_place(folder: Path) -> None:
    code, lines, told = checked(folder, f"version: 1\nsystems:\n{FAR}")
    assert code == 3
    assert lines[0].startswith(f"systems.yaml:6:10: systems.far.url: {SILENT}")
    assert lines[1:] == ["systems.yaml: 1 problem"]
    assert told["ok"] is False
    assert told["unreachable"] == [told["problems"][0]["message"]]


def test_a_database_that_is_not_there_has_a_place(folder: Path) -> None:
    (folder / "erp.sqlite").unlink()
    code, lines, _ = checked(folder, SYSTEMS)
    assert code == 3
    assert lines == [
        "systems.yaml:6:10: systems.erp.url: erp: the database file cannot be opened; "
        "expected a system that answers",
        "systems.yaml: 1 problem",
    ]


def test_a_url_no_driver_knows_has_a_place(folder: Path) -> None:
    code, lines, _ = checked(folder, SYSTEMS.replace("sqlite:///DATABASE", "nosuch://db"))
    assert code == 1
    assert lines == [
        "systems.yaml:6:10: systems.erp.url: erp: `url` must be sqlite:///file or "
        "postgresql://user:password@host/database; expected a system that answers",
        "systems.yaml: 1 problem",
    ]


def test_config_show_without_a_file_prints_the_settings(tmp_path: Path) -> None:
    env = environment(OPSHUB_STORE_URL="postgresql://me:hunter2@db.test/x?password=hunter2")
    text = opshub("config", "show", cwd=tmp_path, env=env)
    told = opshub("config", "show", "--json", cwd=tmp_path, env=env)
    assert (text.returncode, told.returncode, text.stderr + told.stderr) == (0, 0, "")
    assert "OPSHUB_STORE_URL=postgresql://db.test/x" in text.stdout.splitlines()
    assert json.loads(told.stdout)["OPSHUB_STORE_URL"] == "postgresql://db.test/x"
    assert "hunter2" not in text.stdout + told.stdout
