"""One composed hub over the demo systems for all tests of who sees what, and empty stores."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from hub.store.engine import Store
from tests.integration.scoped_hub import ScopedHub, running_scoped_hub
from tests.support.stores import BACKENDS, opened_store, store_url


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once for each kind the hub's store may be."""
    return store_url(request.param, request, tmp_path)


@pytest_asyncio.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """A migrated store at `url`."""
    async with opened_store(url) as opened:
        yield opened


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scoped(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ScopedHub]:
    """The six demo systems keeping still, a hub over them, and whose records are whose."""
    async with running_scoped_hub(tmp_path_factory.mktemp("scoped")) as scoped:
        yield scoped
