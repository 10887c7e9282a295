"""Settings as a command sees them: the environment, with what the command line says on top.

Also the options that several commands share.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.output import Exit, stop

if TYPE_CHECKING:
    from hub.config.settings import Settings

DataDir = Annotated[Path | None, typer.Option(help="The hub's data directory.")]
StoreUrl = Annotated[
    str | None, typer.Option(help="The store; by default the data directory's SQLite.")
]


def settings_of(**overrides: Any) -> Settings:
    """The settings; options that were not given (None) leave the environment's value."""
    from hub.config.settings import load_settings
    from hub.model.errors import ConfigInvalid

    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return load_settings(**given)
    except ConfigInvalid as error:
        stop(str(error), Exit.USAGE)


def running_hub(settings: Settings) -> dict[str, Any] | None:
    """What the hub of this data directory wrote when it came up; None where none did."""
    try:
        ready = json.loads((settings.data_dir / "ready.json").read_text())
    except (OSError, json.JSONDecodeError):
        return None
    return ready if isinstance(ready, dict) else None
