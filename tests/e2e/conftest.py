"""One demo hub for the stories that only read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.hub_process import RunningHub, running_hub


@pytest.fixture(scope="session")
def demo_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """`opshub up --demo`, its systems keeping still, so that answers can be asserted exactly."""
    folder: Path = tmp_path_factory.mktemp("demo-hub")
    with running_hub(folder, "--demo", "--pace", "0") as hub:
        yield hub
