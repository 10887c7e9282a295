"""What production demands of a NATS server that is named."""

from pathlib import Path
from typing import Any

import pytest

from hub.cli.messaging import external_access
from hub.config.settings import Settings
from hub.model.errors import ConfigInvalid

ANYBODY = "nats://nats:4222"


def settings(**given: Any) -> Settings:
    return Settings(**given)


def test_development_takes_any_server() -> None:
    assert external_access(settings(nats_url=ANYBODY)) is not None
    assert external_access(settings()) is None


@pytest.mark.parametrize(
    "known",
    [
        {"nats_url": "nats://opshub:secret@nats:4222"},
        {"nats_url": ANYBODY, "nats_credentials": Path("hub.creds")},
        {"nats_url": ANYBODY, "nats_nkey": Path("hub.nk")},
        {"nats_url": ANYBODY, "nats_tls_cert": Path("hub.pem")},
    ],
)
def test_production_takes_one_where_it_says_who_it_is(known: dict[str, Any]) -> None:
    assert external_access(settings(profile="production", **known)) is not None


@pytest.mark.parametrize("url", [ANYBODY, f"nats://opshub:secret@nats:4222,{ANYBODY}"])
def test_production_refuses_one_where_it_does_not(url: str) -> None:
    with pytest.raises(ConfigInvalid, match="anybody may read") as refused:
        external_access(settings(profile="production", nats_url=url))
    assert "secret" not in str(refused.value)
    trying = settings(profile="production", nats_url=url, nats_anonymous=True)
    assert external_access(trying) is not None
