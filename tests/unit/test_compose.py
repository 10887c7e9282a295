"""docker-compose.yml says what docker-compose takes, and only what the hub really has.

No container is started: `docker-compose config` reads the file where it is installed, else the
schema of the compose specification does (OPSHUB_TEST_COMPOSE_SCHEMA, set by `.ci/run`).
"""

import importlib
import io
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
from dotenv import dotenv_values

from hub.model.errors import ConfigInvalid

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SCHEMA = os.environ.get("OPSHUB_TEST_COMPOSE_SCHEMA")
CONFIG_TIMEOUT_S = 30

EXAMPLE = ROOT / "deploy" / "env.example"
SECRETS = {"POSTGRES_PASSWORD": "a", "NATS_PASSWORD": "b"}
REFERENCE = re.compile(r"(?<!\$)\$\{(\w+)(?::-([^}]*))?\}")

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


def _example() -> dict[str, str]:
    """The variables of deploy/env.example as `.env` gives them, its two secrets filled in."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    filled = [f"{line}{SECRETS.get(line.removesuffix('='), '')}" for line in lines]
    values = dotenv_values(stream=io.StringIO("\n".join(filled)))
    return {name: value or "" for name, value in values.items()}


def _hub_environment(given: Mapping[str, str]) -> dict[str, str]:
    """What the service `hub` finds in its environment, every reference put in."""

    def value(found: re.Match[str]) -> str:
        return given.get(found[1]) or found[2] or ""

    declared = _services()["hub"]["environment"]
    return {name: REFERENCE.sub(value, str(each)) for name, each in declared.items()}


@pytest.mark.skipif(
    shutil.which("docker-compose") is None, reason="docker-compose is not installed"
)
@pytest.mark.parametrize("is_filled_in", [True, False])
def test_docker_compose_accepts_it_and_the_demo_wants_no_secret(is_filled_in: bool) -> None:
    named = {name for name, _ in REFERENCE.findall(COMPOSE.read_text(encoding="utf-8"))}
    kept = {name: value for name, value in os.environ.items() if name not in named}
    checked = subprocess.run(
        ["docker-compose", "--file", str(COMPOSE), "--profile", "demo", "config", "--quiet"],
        env=kept | (_example() if is_filled_in else {}),
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
    named = {name for name, _ in REFERENCE.findall(COMPOSE.read_text(encoding="utf-8"))}
    assert named == set(_example())


def test_the_demo_asks_for_no_variable_and_waits_only_for_the_collector() -> None:
    demo = _services()["demo"]
    assert REFERENCE.findall(json.dumps(demo)) == []
    assert list(demo["depends_on"]) == ["collector"]


def test_nats_does_not_start_without_a_password() -> None:
    assert ": $${OPSHUB_NATS_PASSWORD:?" in _services()["nats"]["entrypoint"][-1]


def _checked(environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The settings of that environment, once production has found nothing missing."""
    for name in [name for name in os.environ if name.startswith("OPSHUB_")]:
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    settings = importlib.import_module("hub.config.settings").load_settings()
    importlib.import_module("hub.security.profile").check_profile(settings)
    return settings


def test_production_lacks_nothing_with_the_example_filled_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = _checked(_hub_environment(_example()), monkeypatch)
    assert settings.profile == "production"
    assert settings.store_dsn == "postgresql://opshub:a@postgres:5432/opshub"
    assert settings.nats_dsn == "nats://opshub:b@nats:4222"
    assert settings.token_claim_roles == ("roles",)  # an empty variable keeps the default


def test_production_refuses_to_start_with_nothing_filled_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        _checked(_hub_environment({}), monkeypatch)
    for name in ("OPSHUB_STORE_URL", "OPSHUB_NATS_URL"):
        assert f"{name} is not set" in str(refused.value)


def test_the_hub_in_production_has_a_key_of_its_own() -> None:
    hub = _services()["hub"]
    assert hub["environment"]["OPSHUB_PROFILE"] == "production"
    assert hub["environment"]["OPSHUB_TOKEN_KEY_FILE"] == "/run/secrets/token_key"
    assert hub["secrets"] == ["token_key"]
    assert list(_file()["secrets"]) == ["token_key"]


def test_the_systems_file_it_mounts_is_valid() -> None:
    load_systems = importlib.import_module("hub.config.systems").load_systems
    systems = load_systems(ROOT / "deploy" / "systems.yaml", environ=_example())
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
