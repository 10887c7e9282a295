"""Does the systems file fit the real HTTP system? Endpoints answer, records can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.config.problems import Problem, problem
from hub.config.specs import SystemsFile
from hub.model.errors import OpsHubError, SourceError, SourceUnavailable
from hub.model.record import Record
from hub.reads.port import ListQuery

if TYPE_CHECKING:
    from sources.rest import RestEntity, RestSource

SAMPLE_MAX = 50  # records of a list looked at
NOBODY = "opshub-check"  # a key no system has: the endpoint must answer with nothing, not fail
Path = tuple[str | int, ...]


async def check_entity(source: RestSource, file: SystemsFile, entity: RestEntity) -> list[Problem]:
    """Every problem of one entity, positions from the file. A system that is down is raised."""
    base: Path = ("systems", source.name, "entities", entity.spec.noun)
    problems: list[Problem] = []
    key = NOBODY
    if entity.list is not None:
        try:
            page = await source.list(entity.spec.noun, ListQuery(limit=SAMPLE_MAX))
        except SourceError as error:
            problems.append(_failed(file, (*base, "list"), error))
        else:
            problems += _unreadable(file, base, list(page.records))
            known = [each.ref.key for each in page.records if isinstance(each, Record)]
            key = known[0] if known else key
    if entity.by_key is not None:
        problems += await _check_key(source, file, base, key)
    return problems


async def _check_key(source: RestSource, file: SystemsFile, base: Path, key: str) -> list[Problem]:
    path = (*base, "by_key")
    try:
        found = (await source.by_key(str(base[-1]), [key]))[0]
    except SourceError as error:
        return [_failed(file, path, error)]
    if isinstance(found, OpsHubError):
        return _unreadable(file, base, [found])
    if found is None and key != NOBODY:
        return [
            problem(
                file.where(path), path, "a record of the list is not found by its key",
                expected="`key` to be what by_key asks for",
            )
        ]  # fmt: skip
    return []


def _failed(file: SystemsFile, path: Path, error: SourceError) -> Problem:
    if isinstance(error, SourceUnavailable):
        raise error
    return problem(file.where(path), path, str(error), expected="an endpoint that answers JSON")


def _unreadable(
    file: SystemsFile, base: Path, records: list[Record | OpsHubError]
) -> list[Problem]:
    """Each different complaint once: what is malformed, which codes are not mapped."""
    texts: dict[str, Path] = {}
    for record in records:
        if isinstance(record, OpsHubError):
            texts[str(record)] = (*base, "fields")
        else:
            texts |= {str(gap): (*base, "fields", gap.field, "values") for gap in record.gaps}
    return [
        problem(file.where(path), path, text, expected="records that fit the declaration")
        for text, path in texts.items()
    ]
