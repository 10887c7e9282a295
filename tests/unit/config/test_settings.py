"""Settings from the environment: each documented, none ignored, no secret shown."""

import os
from pathlib import Path

import pytest

from hub.config.settings import (
    SECRET_SETTINGS,
    Settings,
    SettingsInvalid,
    load_settings,
    setting_rows,
    settings_table,
)
from hub.config.show import settings_as_text, shown, shown_settings
from tests.unit.config.examples import ROOT, SECRET, example_text, load_text, section


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OPSHUB_")]:
        monkeypatch.delenv(name)


def test_every_setting_is_documented() -> None:
    assert section(ROOT / "docs" / "configuration.md", "settings") == settings_table().rstrip()
    assert [row.variable for row in setting_rows() if not (row.unit and row.description)] == []


def test_defaults_need_no_environment() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.profile) == ("127.0.0.1", 8400, "development")
    assert settings.data_dir == Path(".opshub")
    assert settings.store_dsn == f"sqlite:///{Path('.opshub').absolute()}/opshub.sqlite3"
    assert (settings.request_deadline_agent_s, settings.request_deadline_analyst_s) == (5.0, 30.0)
    assert settings.body_max_bytes == 1_000_000
    assert (settings.nats_url, settings.systems, settings.cors_origins) == (None, None, ())


def test_flags_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSHUB_PORT", "9000")
    monkeypatch.setenv("OPSHUB_HOST", "0.0.0.0")
    monkeypatch.setenv("OPSHUB_CORS_ORIGINS", "https://a.test, https://b.test")
    monkeypatch.setenv("OPSHUB_NATS_URL", "")
    settings = load_settings(port=9100, host=None)
    assert (settings.port, settings.host, settings.nats_url) == (9100, "0.0.0.0", None)
    assert settings.cors_origins == ("https://a.test", "https://b.test")


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPSHUB_PROT", "9000")
    monkeypatch.setenv("OPSHUB_LOG_LEVEL", "loud")
    monkeypatch.setenv("OPSHUB_BODY_MAX_BYTES", "1 MB")
    monkeypatch.setenv("OPSHUB_DEMO_CRM_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("OPSHUB_TOKEN", "x")
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(port=70_000)
    assert sorted(caught.value.problems) == [
        "--port: received '70000'; expected less than or equal to 65535",
        "OPSHUB_BODY_MAX_BYTES: received '1 MB'; expected a valid integer, unable to parse string "
        "as an integer",
        "OPSHUB_LOG_LEVEL: received 'loud'; expected 'debug', 'info', 'warning' or 'error'",
        "OPSHUB_PROT: no such setting; expected one of docs/configuration.md; did you mean "
        "OPSHUB_PORT?",
    ]
    assert caught.value.code == "CONFIG_INVALID"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


def test_no_secret_is_shown(tmp_path: Path) -> None:
    url = f"postgresql://opshub:{SECRET}@db.test/opshub?password={SECRET}"
    settings = load_settings(store_url=url, nats_url=f"nats://{SECRET}@nats.test:4222")
    assert settings.store_dsn == url
    assert SECRET not in repr(settings) + str(settings)
    assert set(Settings.model_fields) >= SECRET_SETTINGS
    seen = shown_settings(settings)
    assert seen["OPSHUB_STORE_URL"] == "postgresql://db.test/opshub"
    assert seen["OPSHUB_NATS_URL"] == "nats://nats.test:4222"
    assert len(seen) == len(Settings.model_fields)
    systems = shown(load_text(tmp_path, example_text(tmp_path)))
    assert SECRET not in repr(systems)
    assert systems["systems"]["erp"]["url"] == "postgresql://erp.test/erp"
    assert systems["systems"]["crm"]["url"] == "https://crm.test"
    assert systems["systems"]["wms"]["auth"] == {"header": {"X-Api-Key": "(hidden)"}}
    assert systems["systems"]["wms"]["limits"] == {"timeout": 1.5, "in_flight": 8, "batch": 100}


def test_settings_are_text_as_an_environment_has_it() -> None:
    url = f"postgresql://opshub:{SECRET}@db.test/opshub"
    settings = load_settings(store_url=url, cors_origins="https://a.test,https://b.test")
    lines = settings_as_text(shown_settings(settings)).splitlines()
    assert len(lines) == len(Settings.model_fields)
    assert lines[:4] == [
        "OPSHUB_SYSTEMS=", "OPSHUB_PROFILE=development", "OPSHUB_HOST=127.0.0.1",
        "OPSHUB_PORT=8400",
    ]  # fmt: skip
    assert "OPSHUB_STORE_URL=postgresql://db.test/opshub" in lines
    assert "OPSHUB_CORS_ORIGINS=https://a.test,https://b.test" in lines
