"""Real servers for the tests that ask for them; a test that asks for none starts none."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.support.nats import running_nats
from tests.support.postgres import new_database, running_postgres


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    """The maintenance database of a PostgreSQL server, one server for the whole run."""
    with running_postgres() as dsn:
        yield dsn


@pytest_asyncio.fixture
async def fresh_database(postgres_dsn: str) -> AsyncIterator[str]:
    """A new, empty PostgreSQL database for one test, as postgresql://…"""
    async with new_database(postgres_dsn) as dsn:
        yield dsn


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_database(postgres_dsn: str) -> AsyncIterator[str]:
    """A new, empty PostgreSQL database that the tests of one module share."""
    async with new_database(postgres_dsn) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def nats_url() -> Iterator[str]:
    """The URL of a nats-server with JetStream, one server for the whole run."""
    with running_nats() as url:
        yield url
