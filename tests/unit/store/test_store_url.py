"""Which databases a store may be, and what is said of those it may not."""

import pytest

from hub.model.errors import ConfigInvalid
from hub.store.engine import store_url


@pytest.mark.parametrize(
    ("given", "driver", "database"),
    [
        ("sqlite:///hub.sqlite", "sqlite+aiosqlite", "hub.sqlite"),
        ("sqlite:////var/lib/hub.sqlite", "sqlite+aiosqlite", "/var/lib/hub.sqlite"),
        ("postgresql://u:p@h:5433/ops", "postgresql+asyncpg", "ops"),
        ("postgres://h/ops", "postgresql+asyncpg", "ops"),
        ("postgresql+asyncpg://h/ops", "postgresql+asyncpg", "ops"),
        ("postgresql+psycopg://h/ops", "postgresql+asyncpg", "ops"),
    ],
)
def test_the_driver_is_the_hubs_own(given: str, driver: str, database: str) -> None:
    url = store_url(given)
    assert (url.drivername, url.database) == (driver, database)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("hub.sqlite", "the store's URL is none; expected sqlite:///path"),
        ("", "the store's URL is none"),
        ("mysql://u:geheim@h/ops", "the store cannot be 'mysql'"),
        ("sqlite://", "the store must be a file"),
        ("sqlite:///:memory:", "the store must be a file"),
    ],
)
def test_others_are_refused_without_repeating_a_password(given: str, said: str) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        store_url(given)
    assert said in str(refused.value)
    assert "geheim" not in str(refused.value)
