"""The desk of the small company."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.resolvers.shelf import Desk, opened_desk
from tests.unit.resolvers.world import company


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened_desk(tmp_path, *company()) as opened:
        yield opened
