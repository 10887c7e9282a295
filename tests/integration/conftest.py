"""One composed hub over the demo systems for all tests of who sees what."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.scoped_hub import ScopedHub, running_scoped_hub


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def scoped(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ScopedHub]:
    """The six demo systems keeping still, a hub over them, and whose records are whose."""
    async with running_scoped_hub(tmp_path_factory.mktemp("scoped")) as scoped:
        yield scoped
