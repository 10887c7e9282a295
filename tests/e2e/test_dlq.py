"""`opshub dlq`: an operator at the terminal lists, shows, replays and drops dead letters."""

import asyncio
import json
import os
import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hub.cli import app
from hub.config.settings import Settings
from hub.events.dead_letters import DeadLetters, Parking
from hub.model.errors import EventInvalid
from tests.e2e.hub_process import RunningHub, environment, opshub
from tests.support.bad_tokens import no_systems
from tests.support.stores import opened_store

pytestmark = pytest.mark.timeout(120)  # the first test may start the hub and six systems

OK, FINDINGS, USAGE, CANNOT_REACH = 0, 1, 2, 3
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Terminal:
    """A data directory with letters in its store, and the commands run over it."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def __call__(self, *arguments: str, code: int = OK) -> Result:
        """Run in this process, where the command is imported once for all tests."""
        no_settings = {name: None for name in os.environ if name.startswith("OPSHUB_")}
        done = CliRunner().invoke(
            app, ["dlq", *arguments, "--data-dir", str(self.data)], env=no_settings
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert done.exit_code == code, done.stderr + done.stdout
        return done

    def told(self, *arguments: str, code: int = OK) -> dict[str, Any]:
        answer = json.loads(self(*arguments, "--json", code=code).stdout)
        assert isinstance(answer, dict)
        return answer

    def park(self, *letters: Parking) -> list[str]:
        asyncio.run(self._park(letters))
        return [each.id for each in letters]

    def states(self) -> dict[str, str]:
        listed = self.told("list", "--state", "all", "--limit", "100")["letters"]
        return {each["id"]: each["state"] for each in listed}

    async def _park(self, letters: tuple[Parking, ...]) -> None:
        async with opened_store(Settings(data_dir=self.data).store_dsn) as store:
            for number, letter in enumerate(letters):
                at = AT + timedelta(seconds=number)
                await DeadLetters(store, now=lambda at=at: at).park([letter])  # type: ignore[misc]


def letter(number: int, system: str = "carrier", payload: bytes | None = None) -> Parking:
    return Parking(
        system=system, via="WEBHOOK", payload=payload or b'{"n": %d}' % number, is_trusted=True,
        received_at=AT + timedelta(seconds=number), tries=1,
        error=EventInvalid(system, "no path eventId"),
    )  # fmt: skip


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "data")


def test_list_and_show(terminal: Terminal) -> None:
    ids = terminal.park(*(letter(number) for number in range(3)), letter(9, "crm"))
    shown = terminal("list", "--system", "carrier").stdout.splitlines()
    assert [line.split()[0] for line in shown] == [*ids[2::-1], "3"]
    assert shown[0].split()[3:8] == ["carrier", "WEBHOOK", "PARKED", "1", "EVENT_INVALID"]
    assert shown[-1] == "3 dead letters"
    first = terminal.told("list", "--limit", "3")
    assert [each["id"] for each in first["letters"]] == ids[:0:-1]
    rest = terminal.told("list", "--after", first["next"])
    assert ([each["id"] for each in rest["letters"]], rest["next"]) == (ids[:1], None)
    one = terminal.told("show", ids[0])
    assert (one["payload"], b64decode(one["payload_base64"])) == ('{"n": 0}', b'{"n": 0}')
    assert one["reason"] == "carrier: no path eventId"
    assert terminal("show", ids[0]).stdout.splitlines()[-1] == '{"n": 0}'
    missing = terminal("show", "none", code=FINDINGS)
    assert (missing.stdout, "no dead letter 'none'" in missing.stderr) == ("", True)


def test_what_was_sent_gives_no_orders_to_the_terminal(terminal: Terminal) -> None:
    (id_,) = terminal.park(letter(1, payload=b"\x1b]0;owned\x07\x1b[2J\xc2\x9b31m\nrm -rf"))
    shown = terminal("show", id_).stdout
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)
    assert shown.splitlines()[-1].endswith("rm -rf")


def test_nothing_is_changed_without_apply(terminal: Terminal) -> None:
    ids = terminal.park(letter(1), letter(2))
    for command, word in (("replay", "replayed"), ("drop", "dropped")):
        said = terminal(command, *ids, "--reason", "r").stdout
        assert said.splitlines() == [*ids, f"2 would be {word} (dry run; add --apply)"]
        told = terminal.told(command, *ids, "--reason", "r")
        assert told == {"applied": False, word: [], "refused": {}, "chosen": ids}
    assert set(terminal.states().values()) == {"PARKED"}


def test_drop(terminal: Terminal) -> None:
    ids = terminal.park(*(letter(number) for number in range(3)), letter(9, "crm"))
    assert "--reason" in terminal("drop", ids[0], "--apply", code=USAGE).stderr
    dropped = ("drop", "--reason", "test data", "--apply")
    assert terminal(*dropped, ids[0]).stdout == "1 dropped, 0 were not\n"
    told = terminal.told(*dropped, ids[1], "none", code=FINDINGS)
    assert told["dropped"] == [ids[1]]
    assert list(told["refused"]) == ["none"]
    by_system = terminal.told(*dropped, "--system", "carrier")
    assert by_system["dropped"] == [ids[2]]
    expected = dict.fromkeys(ids, "DROPPED") | {ids[3]: "PARKED"}
    assert terminal.states() == expected
    verified = CliRunner().invoke(app, ["verify", "--json", "--data-dir", str(terminal.data)])
    (chain,) = json.loads(verified.stdout)["chains"]
    assert (chain["entries"], chain["broken"]) == (3, None)


def test_many_are_dropped_the_oldest_first(terminal: Terminal) -> None:
    ids = terminal.park(*(letter(number) for number in range(120)))
    told = terminal.told("drop", "--limit", "110", "--reason", "test data", "--apply")
    assert told["dropped"] == ids[:110]


def test_a_replay_needs_a_hub_or_a_systems_file(terminal: Terminal) -> None:
    (id_,) = terminal.park(letter(1))
    assert "give --systems FILE" in terminal("replay", id_, "--apply", code=USAGE).stderr
    # the ready file of a hub that was killed
    (terminal.data / "ready.json").write_text('{"url": "http://127.0.0.1:9", "pid": 4194304}')
    assert "give --systems FILE" in terminal("replay", id_, "--apply", code=USAGE).stderr
    assert terminal("replay", "--system", "crm", "--apply").stdout == "0 replayed, 0 still wait\n"


def test_bounds(terminal: Terminal) -> None:
    terminal.park(letter(1))
    for arguments in (
        ("list", "--limit", "101"), ("list", "--after", "x"), ("replay", "--limit", "1001"),
        ("drop", "--reason", "r" * 501),
    ):  # fmt: skip
        assert terminal(*arguments, code=USAGE).stdout == ""
    away = ("list", "--store-url", "postgresql://nobody@127.0.0.1:9/none")
    assert terminal(*away, code=CANNOT_REACH).stderr.startswith("opshub: ")


def test_without_a_running_hub_the_systems_file_says_how_letters_are_read(
    terminal: Terminal,
) -> None:
    (id_,) = terminal.park(letter(1, "nobody-knows-it", payload=b"no JSON"))
    systems = ("--systems", str(no_systems(terminal.data)), "--apply")
    told = terminal.told("replay", id_, *systems, code=FINDINGS)
    assert (told["replayed"], list(told["refused"])) == ([], [id_])
    assert terminal.told("show", id_)["tries"] == 2


def test_the_running_hub_replays(demo_hub: RunningHub) -> None:
    """A letter that is still poison waits on, with one try more; the act is the user's."""
    terminal = Terminal(demo_hub.log.parent / "data")
    (id_,) = terminal.park(letter(1, "nobody-knows-it", payload=b"no JSON"))
    asked = ("replay", id_, "--reason", "corrected", "--apply", "--json")
    where = ("--data-dir", str(terminal.data))
    done = opshub("dlq", *asked, *where, cwd=terminal.data, env=environment())
    assert done.returncode == FINDINGS, done.stderr
    told = json.loads(done.stdout)
    assert (told["replayed"], list(told["refused"])) == ([], [id_])
    shown = terminal.told("show", id_)
    assert (shown["state"], shown["tries"]) == ("PARKED", 2)
    query = '{ auditEntries(first: 1, action: "dead_letter.replay") { nodes { actor reason } } }'
    (entry,) = demo_hub.ask(query, role="auditor")["data"]["auditEntries"]["nodes"]
    assert entry["actor"].startswith("cli:")
    assert entry["reason"] == "corrected"
    terminal("drop", id_, "--reason", "test data", "--apply")
