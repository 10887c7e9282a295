"""`opshub explain`: which systems a document will call, and how often, without asking any."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.output import AsJson, Exit, run, show, stop

if TYPE_CHECKING:
    from hub.config.settings import Settings
    from hub.config.specs import SystemsFile
    from resolvers.explain import ExplainedField

# Nothing is asked, so any address will do for a demo that does not run.
_NOWHERE = "http://127.0.0.1:9"


def explain(
    document: Annotated[str, typer.Argument(help="A GraphQL document.")],
    systems: Annotated[
        Path | None, typer.Option(help="The systems file; by default the demo's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say which systems a document will call; each call is made once for all parents together."""
    from hub.cli.options import settings_of

    rows = run(_explained(document, settings_of(systems=systems)))
    fields = [{"path": row.path, "calls": [asdict(call) for call in row.calls]} for row in rows]
    show({"fields": fields}, as_table(rows), as_json=as_json)


async def _explained(document: str, settings: Settings) -> list[ExplainedField]:
    """The rows; a document that is not valid ends the command with what is wrong."""
    from resolvers.engine import Engine
    from resolvers.explain import explain_document
    from resolvers.schema import build_schema
    from sources.registry import open_sources

    engine = Engine(build_schema())
    plan = engine.plan(document)
    if isinstance(plan, list):
        stop("\n".join(error.message for error in plan), Exit.USAGE)
    sources = open_sources(_systems(settings))
    terms = {source.name: source.nouns for source in sources}
    for source in sources:
        await source.close()
    return explain_document(engine.graphql_schema, plan.document, terms)


def _systems(settings: Settings) -> SystemsFile:
    from hub.config.systems import load_systems
    from hub.demo.supervisor import SYSTEMS_FILE

    if settings.systems is not None:
        return load_systems(settings.systems, environ=os.environ)
    return load_systems(SYSTEMS_FILE, environ=_demo_variables(SYSTEMS_FILE))


def _demo_variables(file: Path) -> Mapping[str, str]:
    names = re.findall(r"\$\{(OPSHUB_DEMO_\w+)\}", file.read_text())
    addresses = {name: _NOWHERE for name in names}
    return addresses | {name: "sqlite:///nowhere" for name in names if name.endswith("_DSN")}


def as_table(rows: list[ExplainedField]) -> str:
    """One line per field and call: where in the document, which system, what it is asked."""
    lines = []
    for row in rows:
        for call in row.calls:
            asked = call.noun if call.field is None else f"{call.noun} by {call.field}"
            often = f"1 call per {call.batch_max} keys" if not call.is_carried else "carried: none"
            lines.append((row.path, call.system, asked, often))
        if not row.calls:
            lines.append((row.path, "-", "no system serves it", "none"))
    widths = [max((len(line[place]) for line in lines), default=0) for place in range(3)]
    body = [
        "  ".join([*(line[place].ljust(widths[place]) for place in range(3)), line[3]])
        for line in lines
    ]
    return "\n".join([*body, "", f"at most, for one batch of parents: {_summed(lines)}"])


def _summed(lines: list[tuple[str, str, str, str]]) -> str:
    """Calls by system; a relation that stands twice in a document is read once."""
    once = {(system, asked) for _, system, asked, often in lines if often.startswith("1")}
    counts = Counter(system for system, _ in once)
    return ", ".join(f"{system} {count}" for system, count in sorted(counts.items())) or "no call"
