"""`opshub migrate`: bring the hub's own store to the current version."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.output import AsJson, run, show


def migrate(
    store_url: Annotated[
        str | None, typer.Option(help="The store; by default the data directory's SQLite.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="The hub's data directory.")] = None,
    as_json: AsJson = False,
) -> None:
    """Apply the migrations the store does not have yet; any number of processes may try at once."""
    from hub.cli.options import settings_of
    from hub.store.migrate import migrate as migrate_store

    settings = settings_of(store_url=store_url, data_dir=data_dir)
    done = run(migrate_store(settings.store_dsn))
    text = f"applied {', '.join(done.applied)}" if done.applied else "nothing to do"
    show(asdict(done), f"{text}; the store is at {done.after}", as_json=as_json)
