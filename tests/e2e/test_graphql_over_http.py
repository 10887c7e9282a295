"""GraphQL over HTTP as its specification says: the 61 audits of npm's graphql-http, and beyond."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.hub_process import RunningHub

pytestmark = pytest.mark.timeout(120)

PACKAGES = ("graphql-http@1.23.1", "graphql@16.15.0")
NPM_TIMEOUT_S = 60.0
AUDIT_TIMEOUT_S = 60.0
SCRIPT = Path(__file__).with_name("graphql_http_audit.mjs")

AUDITS = (
    "22EB", "4655", "47DE", "80D8", "82A3", "BF61", "78D5", "2C94", "5A70", "9C48", "9ABE",
    "03D4", "A5BF", "423L", "LKJ0", "LKJ1", "LKJ2", "LKJ3", "34A2", "13EE", "6C00", "6C01",
    "6C02", "6C03", "8161", "B8B3", "94B0", "0220", "94B1", "0221", "94B2", "0222", "4760",
    "4761", "4762", "4763", "2EA1", "28B9", "D6D5", "6A70", "58B0", "58B1", "58B2", "58B3",
    "428F", "1B7A", "B6DC", "BCF8", "B7N8", "8764", "3E3A", "572B", "FDE2", "7B9B", "865D",
    "556A", "D586", "51FE", "74FF", "5E5B", "86EE",
)  # fmt: skip


@pytest.fixture(scope="session")
def audit_folder() -> Path:
    """A folder with the npm package, kept between runs; skips where it cannot be had."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed")
    folder = Path(tempfile.gettempdir()) / f"opshub-npm-{os.getuid()}" / PACKAGES[0]
    if not (folder / "installed").exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", *PACKAGES]
        try:
            subprocess.run(
                command, cwd=folder, check=True, capture_output=True, timeout=NPM_TIMEOUT_S
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"npm cannot install {PACKAGES[0]}: {type(error).__name__}")
        (folder / "installed").touch()
    return folder


@pytest.fixture(scope="session")
def audited(audit_folder: Path, demo_hub: RunningHub) -> dict[str, Any]:
    """The result of every audit by its id, asked as an analyst, who may introspect."""
    ran = subprocess.run(
        ["node", str(SCRIPT), str(audit_folder), f"{demo_hub.url}/graphql"],
        env={"PATH": os.environ["PATH"], "HUB_TOKEN": demo_hub.token("analyst")},
        capture_output=True, text=True, timeout=AUDIT_TIMEOUT_S, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return {each["id"]: each for each in json.loads(ran.stdout)}


def test_there_are_61_audits(audited: dict[str, Any]) -> None:
    assert sorted(audited) == sorted(AUDITS)
    assert len(audited) == 61


@pytest.mark.parametrize("audit", AUDITS)
def test_the_audit_is_ok(audited: dict[str, Any], audit: str) -> None:
    result = audited[audit]
    assert (result["status"], result.get("reason")) == ("ok", None), result["name"]
