"""`opshub source`: what a connected system says, beside what the hub makes of it."""

from __future__ import annotations

import os
from dataclasses import fields
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.output import AsJson, Exit, run, show, stop

if TYPE_CHECKING:
    from sources.port import NativeRecord

group = typer.Typer(no_args_is_help=True, help="Connected systems.")

_WIDTH = 34  # characters of the left column


@group.callback()
def connected() -> None:
    """Connected systems."""


@group.command()
def test(
    file: Annotated[Path, typer.Argument(help="The systems file.")],
    system: Annotated[str, typer.Argument(help="A system of the file.")],
    noun: Annotated[str, typer.Argument(help="A noun it serves, such as order.")],
    key: Annotated[str, typer.Argument(help="The record's key in that system.")],
    as_json: AsJson = False,
) -> None:
    """Read one record and show it native beside canonical."""
    from hub.model.errors import OpsHubError

    found = run(_native(file, system, noun, key))
    if isinstance(found, OpsHubError):
        stop(str(found), Exit.CANNOT_REACH)
    if found is None:
        stop(f"{system} has no {noun} {key!r}", Exit.FINDINGS)
    answer = {"native": {name: _shown(each) for name, each in found.native.items()}}
    answer["canonical"] = _canonical(found)
    show(answer, _beside(answer["native"], answer["canonical"]), as_json=as_json)
    if isinstance(found.canonical, OpsHubError):
        raise typer.Exit(int(Exit.FINDINGS))


async def _native(file: Path, system: str, noun: str, key: str) -> Any:
    from hub.config.systems import load_systems
    from hub.model.errors import ConfigInvalid
    from sources.registry import open_source

    systems = load_systems(file, environ=os.environ)
    spec = systems.systems.get(system)
    if spec is None:
        raise ConfigInvalid(f"no system {system!r}; the file has {', '.join(systems.systems)}")
    if noun not in spec.entities:
        raise ConfigInvalid(f"{system} serves {', '.join(spec.entities)}, not {noun!r}")
    source = open_source(spec, systems)
    try:
        return await source.native(noun, key)
    finally:
        await source.close()


def _canonical(found: NativeRecord) -> dict[str, Any]:
    """The canonical fields that have a value; the error where the record could not be read."""
    from hub.model.record import Record

    if not isinstance(found.canonical, Record):
        return {"error": str(found.canonical)}
    record = found.canonical
    told = {each.name: getattr(record, each.name) for each in fields(record)}
    told |= {f"attributes.{name}": each.value for name, each in record.attributes.items()}
    told["gaps"] = [str(gap) for gap in record.gaps]
    return {
        name: _shown(value)
        for name, value in told.items()
        if name != "attributes" and value not in (None, (), [])
    }


def _shown(value: Any) -> Any:
    from hub.model.record import Record
    from hub.model.values import Money, Quantity, Ref

    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Ref):
        return f"{value.system}.{value.noun} {value.key}"
    if isinstance(value, Money):
        return f"{value.amount} {value.currency}"
    if isinstance(value, Quantity):
        return f"{value.value} {value.uom}"
    if isinstance(value, tuple) and value and isinstance(value[0], Record):
        return f"{len(value)} records"
    return value if value is None or isinstance(value, int | str | list | dict) else str(value)


def _beside(native: dict[str, Any], canonical: dict[str, Any]) -> str:
    """Two columns: the native row on the left, the canonical record on the right."""
    left = [f"{name} = {value}" for name, value in native.items()]
    right = [f"{name} = {value}" for name, value in canonical.items()]
    rows = max(len(left), len(right))
    left += [""] * (rows - len(left))
    right += [""] * (rows - len(right))
    head = f"{'native':{_WIDTH}}  canonical"
    body = [
        f"{one[:_WIDTH]:{_WIDTH}}  {other}".rstrip() for one, other in zip(left, right, strict=True)
    ]
    return "\n".join([head, *body])
