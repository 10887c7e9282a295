"""The loaded data sets, each loaded once a run (8 s a database for Online Retail)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.real import load
from tests.support.postgres import new_database


@pytest.fixture(scope="session")
def northwind_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with Northwind in it."""
    path = tmp_path_factory.mktemp("real") / "northwind.db"
    load.load_sqlite(path, load.northwind_tables())
    return path


@pytest.fixture(scope="session")
def online_retail_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with Online Retail in it (97 MB)."""
    path = tmp_path_factory.mktemp("real") / "online_retail.db"
    load.load_sqlite(path, load.online_retail_tables())
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def northwind_postgres(postgres_dsn: str) -> AsyncIterator[str]:
    """A PostgreSQL database with Northwind in it."""
    async with new_database(postgres_dsn) as dsn:
        await load.load_postgres(dsn, load.northwind_tables())
        yield dsn


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def online_retail_postgres(postgres_dsn: str) -> AsyncIterator[str]:
    """A PostgreSQL database with Online Retail in it."""
    async with new_database(postgres_dsn) as dsn:
        await load.load_postgres(dsn, load.online_retail_tables())
        yield dsn
