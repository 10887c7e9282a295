"""`opshub demo`: the demo systems alone, for a hub that runs elsewhere."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.output import AsJson, Tell, run, show, teller

if TYPE_CHECKING:
    from hub.demo.supervisor import DemoSystems

PACE_S = 2.0

Pace = Annotated[
    float,
    typer.Option(min=0, help="Seconds between two changes in a demo system; 0 keeps them still."),
]


def demo(
    data_dir: Annotated[
        Path | None, typer.Option(help="Where the systems keep their data.")
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written as JSON once all of them answer.")
    ] = None,
    pace: Pace = PACE_S,
    as_json: AsJson = False,
) -> None:
    """Run the demo ERP, WMS, CRM and carrier alone; never seeds a data directory twice."""
    from hub.cli.options import settings_of

    folder = settings_of(data_dir=data_dir).data_dir
    run(_demo(folder, ready_file, pace_s=pace, as_json=as_json))


async def _demo(data_dir: Path, ready_file: Path | None, *, pace_s: float, as_json: bool) -> None:
    from hub.cli.listener import write_ready
    from hub.cli.stopping import stop_requested

    stopping, tell = stop_requested(), teller(as_json=as_json)
    async with running_demo(data_dir, pace_s=pace_s, tell=tell) as systems:
        ready = {"pid": os.getpid(), "demo": about_demo(systems)}
        if ready_file is not None:
            write_ready(ready_file, ready)
        variables = dict(sorted(systems.environment.items()))
        text = "\n".join(f"export {name}={value}" for name, value in variables.items())
        show(ready | {"environment": variables}, text, as_json=as_json)
        tell("the demo systems run; Ctrl-C ends them")
        await stopping.wait()


@asynccontextmanager
async def running_demo(data_dir: Path, *, pace_s: float, tell: Tell) -> AsyncIterator[DemoSystems]:
    """The six systems, with a line per step; ConfigInvalid where they cannot be started."""
    from hub.demo import supervisor
    from hub.model.errors import ConfigInvalid

    try:
        systems = await supervisor.start(data_dir / "demo", pace_s=pace_s, progress=tell)
    except supervisor.DemoUnavailable as error:
        raise ConfigInvalid(str(error)) from error
    try:
        yield systems
    finally:
        await supervisor.stop(systems)


def about_demo(systems: DemoSystems) -> dict[str, Any]:
    """What the ready file says of the demo: systems and numbers worth asking for."""
    return {
        "systems": {
            each.name: {"kind": each.kind, "url": each.url, "database": str(each.database)}
            for each in systems.systems
        },
        "orders": dict(systems.interesting.orders),
        "rmas": dict(systems.interesting.rmas),
        "customers": list(systems.interesting.customers),
    }
