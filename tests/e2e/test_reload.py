"""A changed systems file: applied while the hub runs, or refused with the reason."""

import sqlite3
import time
from pathlib import Path

import pytest

from tests.e2e.hub_process import RunningHub, environment, opshub, running_hub

pytestmark = pytest.mark.timeout(90)

APPLIED_WITHIN_S = 15.0
FILE = """\
version: 1
systems:
  erp:
    role: erp
    kind: sql
    url: ${ERP_DSN}
    entities:
      order:
        from: orders
        key: id
        fresh_for: 1ms
        fields: { number: id, FIELD }
"""
ASK = '{ order(number: "1") { channel poNumber } }'


def _said(hub: RunningHub, words: str) -> bool:
    deadline = time.monotonic() + APPLIED_WITHIN_S
    while words not in hub.log.read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    return words in hub.log.read_text()


def test_a_change_is_applied_only_when_it_is_right(tmp_path: Path) -> None:
    database, file = tmp_path / "erp.sqlite", tmp_path / "systems.yaml"
    with sqlite3.connect(database) as erp:
        erp.execute("CREATE TABLE orders (id TEXT PRIMARY KEY, word TEXT)")
        erp.execute("INSERT INTO orders VALUES ('1', 'web')")
    file.write_text(FILE.replace("FIELD", "channel: word"))
    env = environment(ERP_DSN=f"sqlite:///{database}")
    with running_hub(tmp_path, "--systems", str(file), env=env) as hub:
        issued = opshub(
            "token", "issue", "--role", "agent", "--data-dir", str(tmp_path / "data"),
            cwd=tmp_path, env=env,
        )  # fmt: skip
        token = issued.stdout.strip()
        before = {"channel": "web", "poNumber": None}
        assert hub.ask(ASK, token=token)["data"]["order"] == before

        file.write_text(FILE.replace("FIELD", "chanel: word"))
        assert _said(hub, "the old one stays")
        assert "did you mean 'channel'" in hub.log.read_text()
        assert hub.ask(ASK, token=token)["data"]["order"] == before

        file.write_text(FILE.replace("FIELD", "channel: no_such_column"))
        assert _said(hub, "no_such_column")
        assert hub.ask(ASK, token=token)["data"]["order"] == before

        file.write_text(FILE.replace("FIELD", "po_number: word"))
        assert _said(hub, "the change is applied")
        after = {"channel": None, "poNumber": "web"}
        assert hub.ask(ASK, token=token)["data"]["order"] == after
