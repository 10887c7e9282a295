"""Whom a change of the schema breaks, and who still uses what will go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hub.store.usage import UsageStore, Use
from resolvers.schema_check import broken_documents, removed_coordinates
from resolvers.usage_deprecations import Deprecation


@dataclass(frozen=True, slots=True)
class Broken:
    """Something a change takes away from clients: a document that no longer fits, or a coordinate.

    `errors` say what a document runs into; empty for a coordinate. `users` come latest first.
    """

    name: str
    errors: tuple[str, ...]
    users: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class UsedDeprecation:
    """A deprecation, and who still uses it, the latest first."""

    deprecation: Deprecation
    users: tuple[Use, ...]


async def documents_broken(usage: UsageStore, old_sdl: str, new_sdl: str) -> list[Broken]:
    """Recorded documents that were valid under the old schema and are not under the new one."""
    found = broken_documents(old_sdl, new_sdl, await usage.texts())
    users = _by_document(await usage.users_of_documents([one.document for one in found]))
    return [Broken(one.document, one.errors, tuple(users.get(one.document, ()))) for one in found]


async def coordinates_broken(usage: UsageStore, old_sdl: str, new_sdl: str) -> list[Broken]:
    """Coordinates that the new schema lacks and somebody uses, sorted.

    Beside `documents_broken` this finds what is only in variables, and documents without a text.
    """
    removed = removed_coordinates(old_sdl, new_sdl)
    users = _by_coordinate(await usage.users_of_coordinates(removed))
    return [Broken(name, (), tuple(users[name])) for name in sorted(users)]


async def deprecations_used(
    usage: UsageStore, deprecations: Mapping[str, Deprecation]
) -> list[UsedDeprecation]:
    """Every deprecation, used or not."""
    users = _by_coordinate(await usage.users_of_coordinates(deprecations))
    return [UsedDeprecation(one, tuple(users.get(at, ()))) for at, one in deprecations.items()]


def _by_document(uses: Iterable[Use]) -> dict[str, list[Use]]:
    found: dict[str, list[Use]] = {}
    for use in uses:
        found.setdefault(use.document, []).append(use)
    return found


def _by_coordinate(uses: Iterable[Use]) -> dict[str, list[Use]]:
    found: dict[str, list[Use]] = {}
    for use in uses:
        found.setdefault(use.coordinate, []).append(use)
    return found
