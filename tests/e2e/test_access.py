"""The operator's side of access: revoking, verifying the audit, and what production refuses."""

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import httpx2
import typer
from typer.testing import CliRunner

from hub.cli.verify import verify
from tests.e2e.hub_process import environment, opshub, running_hub
from tests.support.bad_tokens import BAD_TOKENS, no_systems

ME = {"query": "{ me { subject roles } }"}
REVOKED_WITHIN_S = 5.0


def test_the_table_of_bad_tokens_is_as_long_as_promised() -> None:
    assert len(BAD_TOKENS) >= 80


def test_a_revoked_token_is_refused_by_a_running_hub_within_5_s(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    with running_hub(tmp_path, "--systems", str(no_systems(tmp_path))) as hub:
        command = ("token", "issue", "--role", "auditor", "--data-dir", data, "--json")
        issued = json.loads(opshub(*command, cwd=tmp_path).stdout)
        assert hub.ask(ME["query"], token=issued["token"])["data"]["me"]["roles"] == ["auditor"]

        named = ("--jti", issued["jti"], "--data-dir", data)
        done = opshub("token", "revoke", *named, "--reason", "lost", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert status_within(hub.url, issued["token"], 401)

        opshub("token", "revoke", *named, "--lift", "--reason", "found", cwd=tmp_path)
        assert status_within(hub.url, issued["token"], 200)
        query = "{ auditEntries(first: 5) { nodes { action subject reason } } }"
        found = hub.ask(query, token=issued["token"])["data"]["auditEntries"]["nodes"]
        assert found == [
            {"action": "token.restore", "subject": f"jti:{issued['jti']}", "reason": "found"},
            {"action": "token.revoke", "subject": f"jti:{issued['jti']}", "reason": "lost"},
        ]


def status_within(url: str, token: str, wanted: int) -> bool:
    """Whether the hub comes to answer so within REVOKED_WITHIN_S."""
    deadline = time.monotonic() + REVOKED_WITHIN_S
    while time.monotonic() < deadline:
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx2.post(f"{url}/graphql", json=ME, headers=headers, timeout=5)
        if answer.status_code == wanted:
            return True
        time.sleep(0.1)
    return False


def test_production_does_not_start_without_authentication(tmp_path: Path) -> None:
    env = environment(OPSHUB_PROFILE="production")
    file = str(no_systems(tmp_path))
    done = opshub("up", "--port", "0", "--systems", file, cwd=tmp_path, env=env)
    assert done.returncode == 1
    assert "production does not start like this" in done.stderr
    assert "nobody could be authenticated" in done.stderr
    assert not list(tmp_path.rglob("development.key"))


def test_verify_names_the_chain_and_the_entry_that_was_changed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    opshub("migrate", "--data-dir", str(data), cwd=tmp_path)
    for name in ("anna", "ben", "carl"):
        command = ("token", "revoke", "--sub", name, "--reason", "left", "--data-dir", str(data))
        assert opshub(*command, cwd=tmp_path).returncode == 0
    chain = (data / "audit-chain.name").read_text().strip()
    whole = verified(data)
    assert (whole[0], whole[1]["ok"], whole[1]["revocations"]) == (0, True, 3)
    assert [(each["chain"], each["entries"]) for each in whole[1]["chains"]] == [(chain, 3)]

    with sqlite3.connect(data / "opshub.sqlite3") as database:
        database.execute("UPDATE audit_entry SET subject = 'sub:zoe' WHERE position = 2")
    database.close()
    code, answer = verified(data)
    broken = {"chain": chain, "position": 2, "reason": "it was changed"}
    assert (code, answer["ok"], answer["chains"][0]["broken"]) == (1, False, broken)


def verified(data: Path) -> tuple[int, dict[str, Any]]:
    """The exit code and the answer of `opshub verify --json`."""
    app = typer.Typer()
    app.command()(verify)
    done = CliRunner().invoke(app, ["--data-dir", str(data), "--json"])
    return done.exit_code, json.loads(done.stdout)
