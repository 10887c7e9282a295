"""`opshub migrate`: bring the hub's own store to the current version."""

from __future__ import annotations

from dataclasses import asdict

from hub.cli.options import DataDir, StoreUrl, settings_of
from hub.cli.output import AsJson, run, show


def migrate(
    store_url: StoreUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Apply the migrations the store does not have yet; any number of processes may try at once."""
    from hub.store.migrate import migrate as migrate_store

    settings = settings_of(store_url=store_url, data_dir=data_dir)
    done = run(migrate_store(settings.store_dsn))
    text = f"applied {', '.join(done.applied)}" if done.applied else "nothing to do"
    show(asdict(done), f"{text}; the store is at {done.after}", as_json=as_json)
