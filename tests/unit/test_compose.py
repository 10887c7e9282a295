"""docker-compose.yml says what docker-compose takes, and only what the hub really has.

No container is started: `docker-compose config` reads the file where it is installed, else the
schema of the compose specification does (OPSHUB_TEST_COMPOSE_SCHEMA, set by `.ci/run`).
"""

import importlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SCHEMA = os.environ.get("OPSHUB_TEST_COMPOSE_SCHEMA")
CONFIG_TIMEOUT_S = 30

# Variables of docker-compose.yml itself; deploy/env.example lists them.
GIVEN = {
    "POSTGRES_PASSWORD": "a",
    "NATS_TOKEN": "b",
    "TOKEN_KEY_FILE": "./c",
    "ERP_DSN": "sqlite:///d",
}
REFERENCE = re.compile(r"(?<!\$)\$\{(\w+)")

# The one service that is root: it hands a new volume to its owner and ends.
ROOT_BY_NEED = {"nats-volume"}
ONE_SHOT = {"nats-volume", "migrate"}


def _file() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return loaded


def _services() -> Mapping[str, dict[str, Any]]:
    services: Mapping[str, dict[str, Any]] = _file()["services"]
    return services


def _hubs() -> Iterator[tuple[str, dict[str, Any]]]:
    """The services that run our own image."""
    return ((name, service) for name, service in _services().items() if "build" in service)


@pytest.mark.skipif(
    shutil.which("docker-compose") is None, reason="docker-compose is not installed"
)
def test_docker_compose_accepts_it() -> None:
    checked = subprocess.run(
        ["docker-compose", "--file", str(COMPOSE), "--profile", "demo", "config", "--quiet"],
        env={**os.environ, **GIVEN},
        capture_output=True,
        text=True,
        timeout=CONFIG_TIMEOUT_S,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.skipif(SCHEMA is None, reason="OPSHUB_TEST_COMPOSE_SCHEMA names no schema")
def test_the_compose_specification_accepts_it() -> None:
    assert SCHEMA is not None
    schema = json.loads(Path(SCHEMA).read_text(encoding="utf-8"))
    checker = jsonschema.Draft7Validator(schema)
    assert [error.message for error in checker.iter_errors(_file())] == []


def test_services_are_those_we_promise() -> None:
    assert set(_services()) == {
        "hub", "demo", "migrate", "nats", "nats-volume", "postgres", "collector",
    }  # fmt: skip
    assert [name for name, each in _services().items() if each.get("profiles")] == ["demo"]


@pytest.mark.parametrize("name", sorted(_services()))
def test_service_is_hardened(name: str) -> None:
    service = _services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert (service["user"] in ("root", "0", "0:0")) == (name in ROOT_BY_NEED)
    assert ("test" in service["healthcheck"]) == (name not in ONE_SHOT)


def test_volumes_are_named() -> None:
    used = {
        source
        for service in _services().values()
        for source, _, _ in (each.partition(":") for each in service.get("volumes", ()))
        if not source.startswith("./")
    }
    assert used == set(_file()["volumes"])


def test_mounted_files_exist() -> None:
    mounted = {
        each.partition(":")[0]
        for service in _services().values()
        for each in service.get("volumes", ())
        if each.startswith("./")
    }
    assert {name for name in mounted if not (ROOT / name).is_file()} == set()


def test_ports_are_published_on_loopback_only() -> None:
    ports = [port for service in _services().values() for port in service.get("ports", ())]
    assert sorted(ports) == ["127.0.0.1:8400:8400", "127.0.0.1:8401:8400"]


def test_variables_are_in_the_example_file() -> None:
    written = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    named = {line.partition("=")[0] for line in written.splitlines() if re.match(r"\w+=", line)}
    assert set(REFERENCE.findall(COMPOSE.read_text(encoding="utf-8"))) == named == set(GIVEN)


def test_the_hub_in_production_has_a_key_of_its_own() -> None:
    hub = _services()["hub"]
    assert hub["environment"]["OPSHUB_PROFILE"] == "production"
    assert hub["environment"]["OPSHUB_TOKEN_KEY_FILE"] == "/run/secrets/token_key"
    assert hub["secrets"] == ["token_key"]
    assert list(_file()["secrets"]) == ["token_key"]


def test_the_systems_file_it_mounts_is_valid() -> None:
    load_systems = importlib.import_module("hub.config.systems").load_systems
    systems = load_systems(ROOT / "deploy" / "systems.yaml", environ=GIVEN)
    assert set(systems.systems) == {"erp"}


def test_every_setting_is_one_the_hub_has() -> None:
    settings = importlib.import_module("hub.config.settings").Settings
    known = {f"OPSHUB_{name.upper()}" for name in settings.model_fields}
    given = {name for _, hub in _hubs() for name in hub["environment"]}
    assert {name for name in given if name.startswith("OPSHUB_")} <= known
    assert "OPSHUB_STORE_URL" in given


def test_every_command_is_one_the_hub_has() -> None:
    app = importlib.import_module("hub.cli").app
    commands = {
        each.name or each.callback.__name__.replace("_", "-") for each in app.registered_commands
    }
    for _, hub in _hubs():
        words: Sequence[str] = hub["command"]
        assert words[0] in commands
        assert {word for word in words if word.startswith("--")} <= _options_of(app, words[0])


def _options_of(app: Any, command: str) -> set[str]:
    """The options of one command, as the command line knows them."""
    group = importlib.import_module("typer.main").get_group(app)
    return {name for option in group.commands[command].params for name in option.opts}


def test_the_image_starts_the_command_line() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert 'ENTRYPOINT ["opshub"]' in lines
    assert "USER opshub" in lines
