"""The first screen: whole, under its own policy, and in a real browser where there is one."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hub.security.principal import Role
from hub.web import routes
from tests.e2e.hub_process import RunningHub, environment, running_hub

pytestmark = pytest.mark.timeout(180)

WEB = Path(routes.__file__).parent
SCRIPT = Path(__file__).with_name("first_screen.mjs")
PACKAGE = "playwright-core@1.65.1"
NPM_TIMEOUT_S = 90.0
LINES_MAX = 250
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}


def get(hub: RunningHub, path: str) -> httpx2.Response:
    answer = httpx2.get(hub.url + path, timeout=10)
    assert answer.status_code == 200, path
    return answer


def test_everything_the_page_names_is_served_from_here(demo_hub: RunningHub) -> None:
    waiting, seen = ["/"], set[str]()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        text = get(demo_hub, path).text
        assert "http://" not in text and "https://" not in text
        named = re.findall(r'(?:src|href)="(/[\w-]+\.\w+)"|from "\.(/[\w-]+\.js)"', text)
        waiting += [each for pair in named for each in pair if each and each not in seen]
    assert seen == {"/", *(f"/{each.name}" for each in WEB.glob("*.[jc]s*"))}


def test_nothing_is_inline_and_the_policy_allows_nothing_foreign(demo_hub: RunningHub) -> None:
    page = get(demo_hub, "/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page.text)
    for file in WEB.glob("*.[jhc][st]*"):
        path = "/" if file.name == "index.html" else f"/{file.name}"
        headers = get(demo_hub, path).headers
        assert headers["content-type"].startswith(TYPES[file.suffix])
        assert headers["content-security-policy"] == policy
        assert headers["x-content-type-options"] == "nosniff"


def test_the_token_is_neither_kept_nor_put_into_an_address() -> None:
    text = "\n".join(each.read_text() for each in WEB.glob("*.js"))
    assert not re.search(r"localStorage|sessionStorage|document\.cookie|innerHTML|eval\(", text)
    assert re.findall(r"location\.\w+", text) == ["location.hash"]
    assert text.count("Authorization: `Bearer ${token()}`") == 2


def test_its_files_are_short() -> None:
    lengths = {each.name: len(each.read_text().splitlines()) for each in WEB.glob("*.[jhc][st]*")}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_MAX} == {}


def installed_browser() -> tuple[Path, str]:
    """Where playwright-core is, kept between runs, and a Chromium; skips where there is none."""
    npm, chromium = shutil.which("npm"), shutil.which("chromium") or shutil.which("google-chrome")
    if npm is None or shutil.which("node") is None or chromium is None:
        pytest.skip("chromium, node and npm are not installed")
    folder = Path(tempfile.gettempdir()) / f"opshub-npm-{os.getuid()}" / "first-screen-1"
    if not (folder / "installed").exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "package.json").write_text("{}")
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", PACKAGE]
        try:
            subprocess.run(
                command, cwd=folder, check=True, capture_output=True, timeout=NPM_TIMEOUT_S
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"npm cannot install {PACKAGE}: {type(error).__name__}")
        (folder / "installed").touch()
    return folder, chromium


class Browser:
    """A page that makes one step after another."""

    def __init__(self, url: str, order: str, *, token: str, log: Path) -> None:
        packages, chromium = installed_browser()
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                ["node", str(SCRIPT), str(packages), chromium, url, order],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                env=environment(HUB_TOKEN=token),
            )  # fmt: skip
        self._log = log

    def __call__(self, step: str) -> dict[str, Any]:
        """What it shows after the step."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{step}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self._log.read_text()
        shown: dict[str, Any] = json.loads(line)
        assert shown["complaints"] == []
        assert shown["times"] == sorted(shown["times"], reverse=True)
        return shown

    def end(self) -> None:
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate(timeout=10)


@pytest.fixture
def moving_hub(tmp_path: Path) -> Iterator[tuple[RunningHub, tuple[str, ...]]]:
    installed_browser()
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
    arguments = ("--demo", "--pace", "0.2", "--port", str(port))
    with running_hub(tmp_path, *arguments) as hub:
        yield hub, arguments


def test_a_browser_opens_an_order_and_comes_back_after_the_hub_was_killed(
    moving_hub: tuple[RunningHub, tuple[str, ...]], tmp_path: Path
) -> None:
    hub, arguments = moving_hub
    number = hub.demo["orders"]["delivered"]
    token = hub.token_of("desk", Role.AGENT)
    browser = Browser(f"{hub.url}/", number, token=token, log=tmp_path / "browser.err")
    try:
        opened = browser("open")
        assert opened["title"].startswith(f"Order {number} ")
        assert f"Order placed: {number}" in opened["titles"]
        assert opened["width"] == 390  # nothing is wider than a phone
        moved = browser("move")
        assert (moved["state"], moved["address"]) == ("LIVE", f"{hub.url}/")
        hub.process.kill()
        hub.process.wait()
        assert browser("lost")["state"] == "RECONNECTING"
        with running_hub(tmp_path, *arguments):
            back = browser("back")
        assert back["state"] == "LIVE"
        assert set(moved["titles"]) <= set(back["titles"])
    finally:
        browser.end()
