"""`opshub watch`: what it prints, how it comes back after the hub was killed, how it ends."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hub_process import OPSHUB, RunningHub, end, environment, opshub, running_hub
from tests.e2e.test_subscription_clients import DOCUMENT, status_changes

pytestmark = pytest.mark.timeout(180)

OK, FINDINGS, USAGE, CANNOT_REACH = 0, 1, 2, 3
LINE_TIMEOUT_S = 45.0
POLL_S = 0.05
STATUS_LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ (?P<system>[\w-]+) +"
    r"order (?P<number>\w+)  status .*-> [A-Z_]+"
)


class Watching:
    """One `opshub watch`, its lines read from a file."""

    def __init__(self, folder: Path, name: str, *arguments: str) -> None:
        self._out, self._errors = folder / f"{name}.out", folder / f"{name}.err"
        with self._out.open("w") as out, self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                [OPSHUB, "watch", *arguments, "--data-dir", str(folder / "data")],
                stdin=subprocess.DEVNULL, stdout=out, stderr=errors, text=True,
                env=environment(), cwd=folder,
            )  # fmt: skip

    @property
    def lines(self) -> list[str]:
        return self._out.read_text().rpartition("\n")[0].splitlines()

    @property
    def aside(self) -> str:
        return self._errors.read_text()

    def wait(self, is_there: Callable[[list[str]], Any]) -> Any:
        """What the lines have, once they have it."""
        deadline = time.monotonic() + LINE_TIMEOUT_S
        while not (found := is_there(self.lines)):
            assert self.process.poll() is None, self.aside
            assert time.monotonic() < deadline, (self.lines[-10:], self.aside)
            time.sleep(POLL_S)
        return found

    def end(self, with_signal: signal.Signals = signal.SIGINT) -> int:
        code = end(self.process, with_signal)
        assert "Traceback" not in self.aside
        return code


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
    return port


def events(lines: list[str]) -> list[dict[str, Any]]:
    items = [json.loads(line)["data"]["orderStatusChanged"] for line in lines]
    return [each for each in items if "eventId" in each]


def statuses(lines: list[str]) -> list[re.Match[str]]:
    return [found for line in lines if (found := STATUS_LINE.fullmatch(line))]


def test_it_loses_the_hub_comes_back_by_itself_and_leaves_nothing_out(tmp_path: Path) -> None:
    arguments = ("--demo", "--pace", "0.2", "--port", str(free_port()))
    with running_hub(tmp_path, *arguments) as hub:
        moving = Watching(tmp_path, "moving")
        told = Watching(tmp_path, "told", "--document", DOCUMENT, "--json")
        first = moving.wait(statuses)[0]
        one = Watching(tmp_path, "one", first["number"], "--system", first["system"])
        one.wait(lambda lines: "-- live" in lines)
        told.wait(lambda lines: len(events(lines)) >= 3)
        hub.process.kill()
        hub.process.wait()
        seen = len(statuses(moving.lines)), len(events(told.lines))
        with running_hub(tmp_path, *arguments):
            moving.wait(lambda lines: len(statuses(lines)) > seen[0])
            told.wait(lambda lines: len(events(lines)) >= seen[1] + 3)
            one.wait(lambda lines: any("hub is back" in each for each in lines))
            codes = [moving.end(), told.end(signal.SIGTERM), one.end()]
    assert codes == [OK, OK, OK]
    for said in ("\n".join(moving.lines), "\n".join(one.lines), told.aside):
        assert len(re.findall(r"^-- lost the hub \(.*\): coming back", said, re.MULTILINE)) == 1
        assert said.count("-- the hub is back: resumed after the last that was shown") == 1
    head = f"-- order {first['number']} of {first['system']}, "
    assert one.lines[0].startswith(head)
    assert (moving.aside, one.aside) == ("", "")
    heard = events(told.lines)
    from_, to = heard[0]["sequence"], heard[-1]["sequence"]
    assert {each["eventId"]: each["sequence"] for each in heard} == status_changes(
        tmp_path, from_ - 1, to
    )


def watch(hub: RunningHub, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder = hub.log.parent
    data = ("--data-dir", str(folder / "data"))
    done = opshub("watch", *arguments, *data, cwd=folder, env=environment())
    assert "Traceback" not in done.stderr
    return done


def test_the_timeline_stands_before_what_comes_the_newest_last(demo_hub: RunningHub) -> None:
    number = demo_hub.demo["orders"]["delivered"]
    watching = Watching(demo_hub.log.parent, "still", number)
    lines = watching.wait(lambda lines: lines if lines[-1:] == ["-- live"] else None)
    assert watching.end() == OK
    assert lines[0].startswith(f"-- order {number} of erp-eu, ")
    times = [line[:20] for line in lines[1:-1]]
    assert times == sorted(times)
    document = (
        "query ($n: String!) { order(number: $n) { timeline(first: 100) { nodes { title } } } }"
    )
    order = demo_hub.ask(document, n=number)["data"]["order"]
    titles = [each["title"] for each in order["timeline"]["nodes"]]
    assert [title in line for title, line in zip(reversed(titles), lines[1:-1], strict=True)] == [
        True
    ] * len(titles)


def test_a_number_of_two_systems_wants_the_system(demo_hub: RunningHub) -> None:
    number = demo_hub.demo["orders"]["ambiguous"]
    refused = watch(demo_hub, number)
    assert (refused.returncode, refused.stdout) == (FINDINGS, "")
    assert re.findall(r"--system ([\w-]+)", refused.stderr) == ["erp-eu", "erp-us"]
    watching = Watching(demo_hub.log.parent, "chosen", number, "--system", "erp-us")
    watching.wait(lambda lines: lines[-1:] == ["-- live"])
    assert watching.end() == OK
    assert watching.lines[0].startswith(f"-- order {number} of erp-us, ")


def test_a_query_is_told_once_and_ends(demo_hub: RunningHub, tmp_path: Path) -> None:
    file = tmp_path / "document.graphql"
    file.write_text("query ($n: String!) { order(number: $n) { number } }")
    number = demo_hub.demo["orders"]["delivered"]
    asked = ("--document", str(file), "--variables", json.dumps({"n": number}))
    assert watch(demo_hub, *asked).stdout == f'{{"number": "{number}"}}\n'
    told = watch(demo_hub, *asked, "--json")
    assert told.returncode == OK
    assert json.loads(told.stdout)["data"] == {"order": {"number": number}}


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("none",), FINDINGS, "NOT_FOUND"),
        (("--document", "subscription { nothing }"), FINDINGS, "DOCUMENT_INVALID"),
        (("--document", "nowhere.graphql"), USAGE, "expected a subscription or a file with one"),
        (("1", "--document", "{ a }"), USAGE, "an order number or --document, not both"),
        (("--document", "{ a }", "--variables", "[]"), USAGE, "expected a JSON object"),
        (("--url", "http://127.0.0.1:9"), CANNOT_REACH, "no answer from http://127.0.0.1:9"),
        (("--token", "x"), FINDINGS, "UNAUTHENTICATED"),
    ],
)
def test_why_it_does_not_watch(
    demo_hub: RunningHub, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    done = watch(demo_hub, *arguments)
    assert done.returncode == code
    assert reason in done.stderr


def test_it_ends_where_nobody_reads_it(demo_hub: RunningHub) -> None:
    number = demo_hub.demo["orders"]["delivered"]
    data = str(demo_hub.log.parent / "data")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [OPSHUB, "watch", number, "--data-dir", data], stdout=writer, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL, text=True, timeout=30, check=False, env=environment(),
        )  # fmt: skip
    finally:
        os.close(writer)
    assert "Traceback" not in done.stderr
