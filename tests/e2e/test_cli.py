"""Every command as a person and as a program uses it: text or one JSON object, and exit codes.

0 ok, 1 findings, 2 usage, 3 cannot reach.
"""

import json
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer

from hub.cli import app
from hub.demo.supervisor import CREDENTIALS, SYSTEMS_FILE
from tests.e2e.hub_process import (
    OPSHUB,
    RunningHub,
    end,
    environment,
    opshub,
    wait_for_ready,
)

pytestmark = pytest.mark.timeout(120)  # the first test may start the hub and six systems

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "schema.graphql"
OK, FINDINGS, USAGE, CANNOT_REACH = 0, 1, 2, 3
DEMO = str(SYSTEMS_FILE)
NOBODY_THERE = "http://127.0.0.1:9"


@pytest.fixture
def run(demo_hub: RunningHub) -> "Run":
    return Run(demo_hub)


class Run:
    """Runs commands where the demo hub runs, knowing its systems and its data directory."""

    def __init__(self, hub: RunningHub) -> None:
        self.hub = hub
        self.folder = hub.log.parent
        self.data = ("--data-dir", str(self.folder / "data"))

    def __call__(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        done = opshub(*arguments, cwd=self.folder, env=environment(**self._variables(), **env))
        assert "Traceback" not in done.stderr
        return done

    def text(self, *arguments: str, code: int = OK) -> str:
        """What it prints, where it ends with the code."""
        done = self(*arguments)
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout

    def told(self, *arguments: str, code: int = OK) -> dict[str, Any]:
        """The one JSON object it prints with `--json`."""
        answer = json.loads(self.text(*arguments, "--json", code=code))
        assert isinstance(answer, dict)
        return answer

    def refused(self, *arguments: str, code: int) -> str:
        """Why it ended with the code, said on standard error and nowhere else."""
        done = self(*arguments)
        assert (done.returncode, done.stdout) == (code, "")
        return done.stderr

    def _variables(self) -> dict[str, str]:
        systems = self.hub.demo["systems"]
        named = {f"OPSHUB_DEMO_{name.upper().replace('-', '_')}": each
                 for name, each in systems.items()}  # fmt: skip
        urls = {f"{stem}_URL": str(each["url"]) for stem, each in named.items()}
        erp = f"sqlite:///{systems['erp-eu']['database']}"
        return {**CREDENTIALS, **urls, "OPSHUB_DEMO_ERP_EU_DSN": erp}


def _commands(group: Any = None, before: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every registered command by its words, and its options."""
    group = group or typer.main.get_group(app)
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*before, name))
        else:
            yield " ".join((*before, name)), command


def _documented() -> list[str]:
    """The commands in the README's table; `config check`, `show` are two of one group."""
    table = ROOT.joinpath("README.md").read_text().partition("## Commands")[2].partition("\n## ")[0]
    found: list[str] = []
    for row in re.findall(r"^\| (`opshub .*?) \|", table, re.MULTILINE):
        group = ""
        for code in re.findall(r"`(.*?)`", row):
            words = re.sub(r"\[.*", "", code).split()
            if words[0] == "opshub":
                group = "" if len(words) == 2 else words[1]
                words = words[1:] if not group else words[2:]
            found.append(" ".join([group, *words]).strip())
    return sorted(found)


def test_the_readme_lists_every_command_and_no_other() -> None:
    assert _documented() == sorted(name for name, _ in _commands())


@pytest.mark.parametrize(
    ("name", "command"), list(_commands()), ids=[name for name, _ in _commands()]
)
def test_every_command_takes_json_and_says_what_it_does(name: str, command: Any) -> None:
    assert "--json" in {word for option in command.params for word in option.opts}
    assert command.help
    assert all(getattr(option, "help", None) for option in command.params)


def test_no_command_at_all_shows_them(tmp_path: Path) -> None:
    shown = opshub(cwd=tmp_path)
    assert shown.returncode == USAGE
    for name in ("up", "demo", "query", "explain", "config", "source", "schema", "token", "doctor"):
        assert name in shown.stdout + shown.stderr
    assert opshub("nothing", cwd=tmp_path).returncode == USAGE


def _first_object(arguments: Sequence[str], folder: Path) -> dict[str, Any]:
    """What a command that keeps running prints with `--json`, once it has come up."""
    ready, out, log = folder / "ready.json", folder / "out.json", folder / "log"
    with out.open("w") as stdout, log.open("w") as stderr:
        process = subprocess.Popen(
            [OPSHUB, *arguments, "--json", "--ready-file", str(ready), "--pace", "0",
             "--data-dir", str(folder / "data")],
            stdout=stdout, stderr=stderr, text=True, env=environment(), cwd=folder,
        )  # fmt: skip
    try:
        wait_for_ready(process, ready, log)
    finally:
        assert end(process, signal.SIGINT) == OK
    answer = json.loads(out.read_text())
    assert json.loads(ready.read_text()).items() <= answer.items()
    return dict(answer)


def test_demo_prints_where_its_systems_are(tmp_path: Path) -> None:
    told = _first_object(["demo"], tmp_path)
    assert len(told["demo"]["systems"]) == 6
    assert told["environment"]["OPSHUB_DEMO_CRM_URL"] == told["demo"]["systems"]["crm"]["url"]


def test_up_prints_what_its_ready_file_holds(tmp_path: Path) -> None:
    told = _first_object(["up", "--demo", "--port", "0"], tmp_path)
    assert {"url", "pid", "nats_url", "nats_partner_urls", "store_url", "demo"} == set(told)


def test_up_says_in_words_what_to_try(demo_hub: RunningHub) -> None:
    said = demo_hub.log.read_text()
    assert f"opshub serves 6 systems at {demo_hub.url}" in said
    assert f"token {'agent':20} {demo_hub.token('agent')}" in said
    assert "opshub query --data-dir " in said


def test_the_command_to_try_works_as_it_is_printed(demo_hub: RunningHub) -> None:
    printed = demo_hub.log.read_text().partition("another terminal:\n")[2].splitlines()[0]
    path = environment(PATH="/usr/bin:/bin")  # another shell knows no virtual environment
    done = subprocess.run(
        ["/bin/sh", "-c", printed], cwd=demo_hub.log.parent, env=path, capture_output=True,
        text=True, timeout=40, check=False,
    )  # fmt: skip
    assert done.returncode == OK, done.stderr + done.stdout
    delivered = demo_hub.demo["orders"]["delivered"]
    assert json.loads(done.stdout)["data"]["order"]["number"] == delivered


def test_the_first_start_does_not_begin_with_lines_about_alembic(demo_hub: RunningHub) -> None:
    assert "alembic" not in demo_hub.log.read_text()


def test_the_questions_of_the_readme_are_about_an_order_that_answers(demo_hub: RunningHub) -> None:
    asked = set(re.findall(r'order\(number: "(\d+)"\)', ROOT.joinpath("README.md").read_text()))
    assert asked == {demo_hub.demo["orders"]["delivered"]}
    screen = httpx2.get(f"{demo_hub.url}/first-screen.js", timeout=10).text
    assert f'const DEMO_ORDER = "{demo_hub.demo["orders"]["delivered"]}"' in screen


def test_up_without_systems_and_with_a_wrong_setting(tmp_path: Path) -> None:
    for env in (environment(), environment(OPSHUB_PORT="many")):
        refused = opshub("up", cwd=tmp_path, env=env)
        assert refused.returncode == USAGE
    assert "OPSHUB_PORT: received 'many'" in refused.stderr


def test_query(run: Run) -> None:
    number = run.hub.demo["orders"]["delivered"]
    document = "query ($n: String!) { order(number: $n) { number } }"
    asked = ("query", document, "--variables", json.dumps({"n": number}), *run.data)
    assert run.told(*asked)["data"] == {"order": {"number": number}}
    assert json.loads(run.text(*asked))["data"] == {"order": {"number": number}}
    missing = ("query", '{ order(number: "none") { number } }', *run.data)
    assert run.told(*missing, code=FINDINGS)["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert "JSON object" in run.refused("query", "{ me }", "--variables", "[]", code=USAGE)
    assert "no token for role" in run.refused("query", "{ me }", "--role", "king", code=USAGE)
    unreachable = run.refused(
        "query", "{ me }", "--url", NOBODY_THERE, *run.data, code=CANNOT_REACH
    )
    assert f"no answer from {NOBODY_THERE}/graphql" in unreachable


def test_explain(run: Run) -> None:
    document = '{ order(number: "1") { number shipments { status } } }'
    table = run.text("explain", document)
    assert table.splitlines()[-1] == (
        "at most, for one batch of parents: erp-eu 1, erp-us 1, wms-north 1, wms-south 1"
    )
    fields = run.told("explain", document)["fields"]
    assert {each["path"]: [call["system"] for call in each["calls"]] for each in fields} == {
        "order": ["erp-eu", "erp-us"], "order.shipments": ["wms-north", "wms-south"],
    }  # fmt: skip
    assert "Syntax Error" in run.refused("explain", "{", code=USAGE)
    nowhere = run.refused("explain", document, "--systems", "nowhere.yaml", code=FINDINGS)
    assert "nowhere.yaml:1:1" in nowhere


def test_config_check(run: Run, tmp_path: Path) -> None:
    assert run.text("config", "check", DEMO) == f"{DEMO}: ok\n"
    told = run.told("config", "check", DEMO)
    assert told == {"file": DEMO, "ok": True, "problems": [], "unreachable": []}
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("version: 1\nsistems: {}\n")
    assert f"{wrong}:2:1: sistems" in run.text("config", "check", str(wrong), code=FINDINGS)
    (problem,) = run.told("config", "check", str(wrong), code=FINDINGS)["problems"]
    assert (problem["line"], problem["column"], problem["likely"]) == (2, 1, "systems")


def test_config_check_of_a_system_that_is_not_there(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "systems.yaml"
    file.write_text(
        f"version: 1\nsystems:\n  far:\n    role: crm\n    kind: rest\n    url: {NOBODY_THERE}\n"
        "    entities:\n      case:\n        by_key: { get: '/cases?ids={keys|csv}' }\n"
        "        key: id\n        fields: { number: id }\n"
    )
    checked = ("config", "check", str(file), "--connect")
    assert "far: " in run.text(*checked, code=CANNOT_REACH)
    (silent,) = run.told(*checked, code=CANNOT_REACH)["unreachable"]
    assert silent.startswith("far: ")
    tested = ("source", "test", str(file), "far", "case", "1")
    assert "far: " in run.refused(*tested, code=CANNOT_REACH)


def test_config_show_hides_secrets(run: Run) -> None:
    shown = run.told("config", "show", DEMO)
    assert set(shown["systems"]) == set(run.hub.demo["systems"])
    text = run.text("config", "show", DEMO)
    assert json.loads(text) == shown
    assert "demo-erp-us" in CREDENTIALS.values()
    assert [
        word for word in CREDENTIALS.values() if word.startswith("demo-") and word in text
    ] == []
    assert "nowhere.yaml" in run.refused("config", "show", "nowhere.yaml", code=FINDINGS)


def test_config_schema(run: Run) -> None:
    told = run.told("config", "schema")
    assert told["$schema"].startswith("https://json-schema.org/")
    assert json.loads(run.text("config", "schema")) == told


def test_source_test(run: Run) -> None:
    number = run.hub.demo["orders"]["delivered"]
    tested = ("source", "test", DEMO, "erp-eu", "order", number)
    told = run.told(*tested)
    assert told["native"]["orno"] == told["canonical"]["number"] == number
    head, *rows = run.text(*tested).splitlines()
    assert head.split() == ["native", "canonical"]
    assert any(row.startswith(f"orno = {number} ") for row in rows)
    absent = run.refused("source", "test", DEMO, "erp-eu", "order", "0", code=FINDINGS)
    assert absent == "opshub: erp-eu has no order '0'\n"
    unknown = run.refused("source", "test", DEMO, "erp-xx", "order", "0", code=FINDINGS)
    assert "no system 'erp-xx'; the file has erp-eu, " in unknown


def test_schema_print_and_check(run: Run, tmp_path: Path) -> None:
    assert run.text("schema", "print") == SCHEMA.read_text()
    assert run.told("schema", "print") == {"schema": SCHEMA.read_text()}
    same = run.told("schema", "check", str(SCHEMA))
    assert (same["drifted"], same["changes"]) == (False, [])
    older = tmp_path / "older.graphql"
    older.write_text(SCHEMA.read_text().replace("type Query {", "type Query {\n  gone: Int\n", 1))
    assert "Query.gone" in run.text("schema", "check", str(older), code=FINDINGS)
    changes = run.told("schema", "check", str(older), code=FINDINGS)["changes"]
    assert [each["severity"].lower() for each in changes] == ["breaking"]
    assert "is not a file" in run.refused("schema", "check", "nowhere", code=USAGE)


def test_token_issue(run: Run) -> None:
    issued = ("token", "issue", "--role", "supervisor", "--subject", "ann", *run.data)
    for token in (run.text(*issued).strip(), run.told(*issued)["token"]):
        me = run.hub.ask("{ me { subject roles } }", token=token)["data"]["me"]
        assert me == {"subject": "ann", "roles": ["supervisor"]}
    assert "unknown role" in run.refused("token", "issue", "--role", "king", code=USAGE)
    assert run("token", "issue").returncode == USAGE


def test_migrate(run: Run, tmp_path: Path) -> None:
    new = ("migrate", "--data-dir", str(tmp_path))
    first = run.told(*new)
    assert first["before"] is None
    assert first["applied"][-1] == first["after"]
    assert run.text(*new) == f"nothing to do; the store is at {first['after']}\n"
    away = ("migrate", "--store-url", "postgresql://nobody@127.0.0.1:9/none")
    assert run.refused(*away, code=CANNOT_REACH).startswith("opshub: ")
    assert run("migrate", "--store-url", "nonsense://").returncode == FINDINGS


def test_doctor(run: Run, tmp_path: Path) -> None:
    findings = run.told("doctor", "--systems", DEMO, *run.data)["findings"]
    by_subject = {each["subject"]: each for each in findings}
    assert by_subject["hub"]["text"].startswith(f"runs at {run.hub.url}")
    assert {by_subject[name]["level"] for name in run.hub.demo["systems"]} == {"ok"}
    told = "the embedded server is connected, its JetStream answers"
    assert (by_subject["nats"]["level"], by_subject["nats"]["text"]) == ("ok", told)
    assert by_subject["events"]["text"].endswith("to be told over NATS")
    text = run.text("doctor", *run.data)
    assert [line.split()[0] for line in text.splitlines()].count("problem") == 0
    lacking = run.text("doctor", "--systems", "nowhere.yaml", *run.data, code=FINDINGS)
    assert "problem  systems file       nowhere.yaml:1:1" in lacking
