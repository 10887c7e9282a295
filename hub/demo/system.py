"""What a demo system is made of: its tables, its first data, its HTTP surface, its daily change."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from starlette.routing import BaseRoute

from hub.demo.plan.records import Plan

Change = dict[str, Any]
"""What a tick did, in native words; the carrier sends it to its webhook."""


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
    tick: Callable[[sqlite3.Connection, Random], Change | None]
