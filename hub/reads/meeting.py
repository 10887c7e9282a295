"""Where keys that cannot be derived from one another meet: import files first, then rules.

Runs in the background after start. A system that is not there, or cannot list, is left for the
next time; what was learnt before stays.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from hub.config.specs import CrossReferenceSpec
from hub.model.errors import OpsHubError
from hub.model.record import Record
from hub.reads.port import ListQuery, RecordSource
from hub.store.cross_references import CrossReferences
from hub.store.reference_table import ReferenceTable

_PAGE_RECORDS = 200
_PAGES_MAX = 500  # pages of one system and noun: 100,000 customers

_log = logging.getLogger(__name__)


async def learn_references(
    references: CrossReferences,
    specs: Mapping[str, CrossReferenceSpec],
    sources: Sequence[RecordSource],
    *,
    folder: Path,
) -> None:
    """Link what the import files and the rules say; relative files lie beside the systems file."""
    for noun, spec in specs.items():
        try:
            await _learn(references, noun, spec, sources, folder)
        except OpsHubError as error:
            _log.warning("cross references of %s: %s", noun, error)


async def _learn(
    references: CrossReferences,
    noun: str,
    spec: CrossReferenceSpec,
    sources: Sequence[RecordSource],
    folder: Path,
) -> None:
    if spec.table is not None:
        table = ReferenceTable(noun, folder / spec.table, dict(spec.columns or {}))
        await references.import_table(table)
    listing = [source for source in sources if _lists(source, noun)]
    records = [record for source in listing for record in await _all_of(source, noun)]
    if spec.match:
        found = await references.match(noun, list(spec.match), records)
        if found.ambiguous:
            _log.warning("%d groups of %s agree within one system", len(found.ambiguous), noun)
    elif records:
        await references.match(noun, (), records)


def _lists(source: RecordSource, noun: str) -> bool:
    terms = source.nouns.get(noun)
    return terms is not None and terms.lists


async def _all_of(source: RecordSource, noun: str) -> list[Record]:
    """Every record of a noun in one system, page by page; what came before a failure counts."""
    found: list[Record] = []
    cursor: str | None = None
    for _ in range(_PAGES_MAX):
        page = await source.list(noun, ListQuery(limit=_PAGE_RECORDS, cursor=cursor))
        if isinstance(page, OpsHubError):
            _log.warning("%s could not be listed: %s", noun, page)
            return found
        found += [each for each in page.records if isinstance(each, Record)]
        cursor = page.next_cursor
        if cursor is None:
            return found
    _log.warning("%s of %s: more than %d pages; the rest was left", noun, source.name, _PAGES_MAX)
    return found
