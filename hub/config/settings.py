"""What the environment tells the hub: variables `OPSHUB_*`, each with its unit and its default.

Flags of the command line come before the environment. An unknown `OPSHUB_*` variable is a mistake.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from hub.config.problems import likely_word
from hub.model.errors import ConfigInvalid

PREFIX = "OPSHUB_"
_FOR_OTHERS = ("OPSHUB_DEMO_", "OPSHUB_TEST_", "OPSHUB_PROVE_", "OPSHUB_REAL_")
_FOR_CLIENTS = frozenset({"OPSHUB_TOKEN"})
"""What only `opshub query` reads."""
SECRET_SETTINGS = frozenset({"store_url", "nats_url"})
"""Settings that may hold credentials: never in a message, a log or the answer of `config show`."""

_STORE_FILE = "opshub.sqlite3"


def _listed(given: Any) -> Any:
    if isinstance(given, str):
        return tuple(part.strip() for part in given.split(",") if part.strip())
    return given


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)]


def _setting(default: Any, unit: str, description: str, **limits: Any) -> Any:
    return Field(default, description=description, json_schema_extra={"unit": unit}, **limits)


class Settings(BaseSettings):
    """Frozen after start. Urls that may hold credentials are not in its repr."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid",
        hide_input_in_errors=True,
    )  # fmt: skip

    systems: Path | None = _setting(
        None, "file", "The systems file; without it no system is connected."
    )
    profile: Literal["development", "production"] = _setting(
        "development", "word", "production refuses to start without what docs/identity.md lists."
    )
    host: str = _setting("127.0.0.1", "address", "Where the hub listens; loopback only by default.")
    port: int = _setting(
        8400, "port", "The port the hub listens on; 0 takes a free one.", ge=0, le=65535
    )
    data_dir: Path = _setting(
        Path(".opshub"), "directory", "What the hub keeps: store, key, embedded NATS."
    )
    store_url: str | None = _setting(
        None,
        "url",
        "The hub's own database, sqlite:// or postgresql://; else SQLite in the data directory.",
        repr=False,
    )
    nats_url: str | None = _setting(
        None,
        "url",
        "A NATS server with JetStream; without it the hub starts its own on loopback.",
        repr=False,
    )
    nats_credentials: Path | None = _setting(
        None, "file", "The .creds file of the hub's user (JWT and seed), for an external NATS."
    )
    nats_nkey: Path | None = _setting(
        None, "file", "The nkey seed of the hub's user, for an external NATS."
    )
    nats_tls_ca: Path | None = _setting(
        None, "file", "The certificates that sign the NATS server's own; else the system's."
    )
    nats_tls_cert: Path | None = _setting(
        None, "file", "The hub's certificate, where NATS asks for one."
    )
    nats_tls_key: Path | None = _setting(None, "file", "The key of the hub's certificate.")
    nats_anonymous: bool = _setting(
        False,
        "true or false",
        "Only for trying things: production also takes a NATS where the hub says nobody it is.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "word", "The least serious line that is logged."
    )
    log_format: Literal["json", "text"] = _setting(
        "json", "word", "One JSON object a line, or text for reading."
    )
    trace_endpoint: str | None = _setting(
        None, "url", "An OpenTelemetry collector (OTLP over HTTP); without it no spans leave."
    )
    cors_origins: Words = _setting(
        (), "origins", "Web origins that may call, with commas between; none by default."
    )
    body_max_bytes: int = _setting(
        1_000_000, "bytes", "A longer request body is refused with 413.", ge=1_000, le=100_000_000
    )
    request_deadline_agent_s: float = _setting(
        5.0, "seconds", "What an agent's or customer's request may take.", gt=0, le=300
    )
    request_deadline_analyst_s: float = _setting(
        30.0, "seconds", "What an analyst's request may take.", gt=0, le=3_600
    )
    heartbeat_s: float = _setting(
        20.0, "seconds", "How often every stream hears that it lives.", ge=1, le=300
    )
    cache_records_max: int = _setting(
        100_000,
        "records",
        "Source records kept in memory, all systems together.",
        ge=0,
        le=50_000_000,
    )
    plan_cache_max: int = _setting(
        1_000, "plans", "Compiled operations kept in memory.", ge=1, le=1_000_000
    )
    delivery_tries_max: int = _setting(
        12,
        "tries",
        "How often one delivery is tried before it is a dead letter; each replay gives as many.",
        ge=1,
        le=100,
    )
    trusted_documents: Path | None = _setting(
        None,
        "file",
        "A manifest of registered documents, read again when it changes; without it none is.",
    )
    document_steps: Words = _setting(
        (),
        "role=step",
        "What a role may run beside registered documents: log, prefer (with a warning) or require "
        "(nothing); log by default, and customer=require in production.",
    )
    token_issuer: str = _setting("opshub", "word", "The iss a token must carry.", min_length=1)
    token_audience: str = _setting("opshub", "word", "The aud a token must carry.", min_length=1)
    token_leeway_s: float = _setting(
        30.0, "seconds", "How far clocks may differ when exp is judged.", ge=0, le=300
    )
    token_key_file: Path | None = _setting(
        None, "file", "The signing key; without it a development key is made in the data directory."
    )
    token_jwks: str | None = _setting(
        None, "file or url", "Your identity provider's public keys (JWKS): a file or an https URL."
    )
    token_claim_roles: Words = _setting(
        ("roles",),
        "claims",
        "Where a token names roles: claims or dotted paths, all together.",
        min_length=1,
    )
    token_claim_customers: Words = _setting(
        ("customers",),
        "claims",
        "Where a token lists customers, as system:number.",
        min_length=1,
    )
    token_claim_business_units: Words = _setting(
        ("business_units",),
        "claims",
        "Where a token lists business units; * is all of them.",
        min_length=1,
    )
    token_claim_approval_tiers: Words = _setting(
        ("approval_tiers",),
        "claims",
        "Where a token lists what its bearer may approve.",
        min_length=1,
    )
    token_role_map: Words = _setting(
        (),
        "words",
        "The provider's role=our role, with commas between; roles it does not list are ignored.",
    )
    shutdown_grace_s: float = _setting(
        10.0, "seconds", "How long running requests may take to end after SIGTERM.", ge=0, le=300
    )

    @property
    def store_dsn(self) -> str:
        """The store's url with its credentials; never for logs."""
        if self.store_url is not None:
            return self.store_url
        return f"sqlite:///{self.data_dir.absolute() / _STORE_FILE}"

    @property
    def nats_dsn(self) -> str | None:
        """The url of the external NATS; None where the hub starts its own."""
        return self.nats_url


class SettingsInvalid(ConfigInvalid):
    """The environment cannot be used. `problems` names each variable, never a secret's value."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def load_settings(**flags: Any) -> Settings:
    """The settings of this process, or SettingsInvalid; flags that are None were not given."""
    problems = _unknown_variables(os.environ)
    try:
        settings = Settings(**{name: each for name, each in flags.items() if each is not None})
    except ValidationError as error:
        problems += [_told(each, flags) for each in error.errors(include_url=False)]
        raise SettingsInvalid(problems) from None
    if problems:
        raise SettingsInvalid(problems)
    return settings


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = {variable(name) for name in Settings.model_fields}
    problems = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name.startswith(_FOR_OTHERS):
            continue
        if name in known or name in _FOR_CLIENTS:
            continue
        likely = likely_word(name, known)
        meant = f"; did you mean {likely}?" if likely else ""
        problems.append(f"{name}: no such setting; expected one of docs/configuration.md{meant}")
    return problems


def _told(error: ErrorDetails, flags: Mapping[str, Any]) -> str:
    name = str(error["loc"][0])
    told = f"--{name.replace('_', '-')}" if flags.get(name) is not None else variable(name)
    received = "" if name in SECRET_SETTINGS else f"received {str(error.get('input'))[:60]!r}; "
    wanted = error["msg"].removeprefix("Input should be ")
    return f"{told}: {received}expected {wanted[:1].lower()}{wanted[1:]}"


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One line of the table of settings."""

    variable: str
    default: str
    unit: str
    description: str


def setting_rows() -> tuple[SettingRow, ...]:
    """All settings in declared order."""
    return tuple(_row(name, field) for name, field in Settings.model_fields.items())


def _row(name: str, field: FieldInfo) -> SettingRow:
    extra = field.json_schema_extra
    unit = str(extra["unit"]) if isinstance(extra, dict) else ""
    default = "" if field.default in (None, ()) else _spelled(field.default)
    return SettingRow(variable(name), default, unit, field.description or "")


def _spelled(default: Any) -> str:
    return ",".join(default) if isinstance(default, tuple) else str(default)


def settings_table() -> str:
    """The table of docs/configuration.md."""
    head = ["| variable | default | unit | what it sets |", "| --- | --- | --- | --- |"]
    rows = [
        f"| `{row.variable}` | {f'`{row.default}`' if row.default else 'none'} | {row.unit} | "
        f"{row.description} |"
        for row in setting_rows()
    ]
    return "\n".join(head + rows) + "\n"
