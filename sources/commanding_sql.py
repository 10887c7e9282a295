"""Commands over SQL: one statement with named parameters, in a transaction of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.engine import CursorResult, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hub.config.command_specs import CommandSpec
from hub.config.specs import SystemSpec
from hub.events.commanding import (
    Applied,
    NotFound,
    NotSent,
    Outcome,
    Refused,
    Sought,
    Unknown,
    Values,
)
from hub.model.errors import SourceBusy, SourceError, SourceMisconfigured
from sources.commanding_values import ValueMissing, extractor, plain, value_of
from sources.sql_engine import _DRIVERS, CONNECT_TIMEOUT_S, LOCK_WAIT_SHARE
from sources.sql_errors import translated


class SqlCommand:
    """One command that is a statement; `:order_key` takes the value `order.key`."""

    def __init__(self, system: SystemSpec, command: CommandSpec) -> None:
        self._name, self._spec = system.name, command
        self._statement = text(command.sql or "")
        find = None if command.find is None else command.find.sql
        self._find = None if find is None else text(find)
        self._extract = extractor(command.result)
        self._engine = _writing_engine(system)

    async def close(self) -> None:
        await self._engine.dispose()

    async def send(self, values: Values) -> Outcome:
        """The statement, committed. A change of nothing is a refusal."""
        is_committing = False
        try:
            parameters = self._bound(self._statement, values)
            async with self._engine.connect() as connection, connection.begin() as transaction:
                done = await connection.execute(self._statement, parameters)
                outcome = self._outcome(done)
                if isinstance(outcome, Applied):
                    is_committing = True
                    await transaction.commit()
                else:
                    await transaction.rollback()
                return outcome
        except ValueMissing as error:
            return NotSent(SourceMisconfigured(self._name, f"the command has no value {error}"))
        except IntegrityError:
            return Refused("the database does not allow it (a constraint)")
        except PoolTimeout:
            return NotSent(SourceBusy(self._name, "all connections are in use"))
        except (DBAPIError, OSError) as error:
            told = translated(self._name, error)
            return Unknown(told) if is_committing else NotSent(told)

    async def find(self, values: Values) -> Sought:
        """The first row of the declared query."""
        if self._find is None:
            return SourceMisconfigured(self._name, "the command declares no find over sql")
        try:
            parameters = self._bound(self._find, values)
            async with self._engine.connect() as connection:
                row = (await connection.execute(self._find, parameters)).mappings().first()
        except ValueMissing as error:
            return SourceMisconfigured(self._name, f"the command has no value {error}")
        except PoolTimeout:
            return SourceBusy(self._name, "all connections are in use")
        except (DBAPIError, OSError) as error:
            told: SourceError = translated(self._name, error)
            return told
        return NotFound() if row is None else Applied(self._extract(dict(row)))

    def _bound(self, statement: TextClause, values: Values) -> dict[str, Any]:
        """SQLite has no decimals and no instants: they go as text. Others take them as they are."""
        given = _parameters(statement, values)
        if self._engine.dialect.name != "sqlite":
            return given
        return {name: plain(each) for name, each in given.items()}

    def _outcome(self, done: CursorResult[Any]) -> Outcome:
        if done.returns_rows:
            row = done.mappings().first()
            return (
                Refused("it changes nothing") if row is None else Applied(self._extract(dict(row)))
            )
        return Applied(self._extract({})) if done.rowcount else Refused("it changes nothing")


def _parameters(statement: TextClause, values: Values) -> dict[str, Any]:
    """Each named parameter's value."""
    return {name: _named(values, name) for name in statement.compile().params}


def _named(values: Values, name: str) -> Any:
    """`order_key` is `order.key`; a word of its own comes first."""
    flat = _flat(values)
    if name in flat:
        return flat[name]
    return value_of(values, name)


def _flat(values: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{before}{key.replace('.', '_')}"
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{name}_")
        else:
            flat[name] = value
    return flat


def _writing_engine(system: SystemSpec) -> AsyncEngine:
    """An engine that may write; it connects when first used."""
    try:
        url = make_url(system.url.get_secret_value())
        url = url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))
        return create_async_engine(
            url,
            hide_parameters=True,
            pool_size=system.limits.in_flight,
            max_overflow=0,
            pool_timeout=system.limits.timeout_s,
            connect_args=_connect_arguments(url.get_backend_name(), system.limits.timeout_s),
        )
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        expected = "`url` must be sqlite:///file or postgresql://user:password@host/database"
        raise SourceMisconfigured(system.name, expected) from error


def _connect_arguments(backend: str, timeout_s: float) -> dict[str, Any]:
    if backend == "sqlite":
        return {"timeout": timeout_s * LOCK_WAIT_SHARE}
    if backend == "postgresql":
        settings = {"application_name": "opshub", "statement_timeout": f"{timeout_s * 1000:.0f}"}
        return {"timeout": CONNECT_TIMEOUT_S, "server_settings": settings}
    return {}
