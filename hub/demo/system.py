"""What a demo system is made of: its tables, its first data, its HTTP surface, its life."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from starlette.routing import BaseRoute

from hub.demo.life import Life
from hub.demo.plan.records import Plan
from hub.demo.telling import Voice


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the system speaks HTTP: who may call, and what an error looks like."""

    is_welcome: Callable[[str], bool]
    credential_header: str
    error: Callable[[int, str], Any]


@dataclass(frozen=True, slots=True)
class ForeignSystem:
    """One demo system. `kind` says how a hub reads it; all of them speak HTTP besides."""

    name: str
    kind: Literal["sql", "rest"]
    schema: str
    seed: Callable[[sqlite3.Connection, Plan], None]
    dialect: Dialect
    routes: Callable[[sqlite3.Connection], Sequence[BaseRoute]]
    life: Life
    voice: Voice | None = None
    """None: it tells nobody, and its changes are found by asking."""
