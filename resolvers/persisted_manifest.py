"""Trusted documents: a manifest file that client builds write, read again when it changes.

Two forms: Apollo's `{"format": "apollo-persisted-query-manifest", "version": 1, "operations":
[{"id", "name", "type", "body"}]}`, and the plain `{id: document}` that Relay, GraphQL Code
Generator and others write.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import orjson

from hub.model.errors import ConfigInvalid

MANIFEST_BYTES_MAX = 32_000_000  # bytes of the file
DOCUMENTS_MAX = 20_000  # of one manifest
ID_MAX = 200  # characters of an id
FOLLOW_EVERY_S = 2.0

_APOLLO = "apollo-persisted-query-manifest"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Texts by their id, the SHA-256 of each text in hex by its id, and the id by that hash."""

    documents: Mapping[str, str]
    hashes: Mapping[str, str]
    ids: Mapping[str, str]

    @classmethod
    def of(cls, documents: Mapping[str, str]) -> Manifest:
        hashes = {id_: document_hash(text) for id_, text in documents.items()}
        return cls(documents, hashes, {hash_: id_ for id_, hash_ in hashes.items()})

    def id_named(self, name: str) -> str | None:
        """The id of the document a client names: by id, by hash, or by `sha256:` and the hash."""
        if name in self.documents:
            return name
        return self.ids.get(name.removeprefix("sha256:").lower())


NO_DOCUMENTS = Manifest({}, {}, {})


class ManifestFile:
    """The manifest of one file as it was last read whole. Without a file nothing is trusted."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self.manifest = NO_DOCUMENTS

    def refresh(self) -> bool:
        """Read the file where it has changed; ConfigInvalid leaves the last manifest standing."""
        if self._path is None:
            return False
        try:
            stamp = _stamp_of(self._path)
            if stamp == self._stamp:
                return False
            self._stamp = stamp  # a bad file is told once, not at every look
            self.manifest = read_manifest(self._path)
        except OSError as error:
            self._stamp = None
            raise ConfigInvalid(
                f"{self._path}: the manifest cannot be read: {error.strerror}"
            ) from error
        return True

    async def follow(self, *, every_s: float = FOLLOW_EVERY_S) -> None:
        """Refresh for ever, reading in a thread. Cancel it to stop."""
        told = ""
        while True:
            await asyncio.sleep(every_s)
            try:
                if await asyncio.to_thread(self.refresh):
                    told = ""
                    _log.info("trusted documents: %d", len(self.manifest.documents))
            except ConfigInvalid as error:
                if str(error) != told:
                    told = str(error)
                    _log.error("%s; the last manifest stands", error)


def _stamp_of(path: Path) -> tuple[int, int, int]:
    """What changes with the file: a renamed one has another inode, even at the same second."""
    seen = path.stat()
    return (seen.st_mtime_ns, seen.st_size, seen.st_ino)


def read_manifest(path: Path) -> Manifest:
    """The documents of a file, or ConfigInvalid naming what is wrong; OSError where it is away."""
    with path.open("rb") as file:
        content = file.read(MANIFEST_BYTES_MAX + 1)
    if len(content) > MANIFEST_BYTES_MAX:
        raise ConfigInvalid(f"{path}: larger than {MANIFEST_BYTES_MAX} bytes; split the clients")
    try:
        return Manifest.of(_documents_of(orjson.loads(content)))
    except ValueError as error:
        raise ConfigInvalid(f"{path}: {error}") from error


def _documents_of(parsed: object) -> dict[str, str]:
    """The documents by id; ValueError says which entry is not as expected."""
    if not isinstance(parsed, dict):
        raise ValueError("expected an object: Apollo's manifest, or documents by their id")
    pairs = _apollo_pairs(parsed) if "format" in parsed else parsed.items()
    documents: dict[str, str] = {}
    for id_, text in _checked(pairs):
        if documents.setdefault(id_, text) != text:
            raise ValueError(f"id {id_[:80]!r} names two different documents")
    if len(documents) > DOCUMENTS_MAX:
        raise ValueError(f"{len(documents)} documents; at most {DOCUMENTS_MAX} are kept")
    return documents


def _apollo_pairs(parsed: Mapping[str, object]) -> Iterator[tuple[object, object]]:
    if (parsed["format"], parsed.get("version")) != (_APOLLO, 1):
        received = f"{parsed['format']!s:.60} version {parsed.get('version')!s:.20}"
        raise ValueError(f"format: received {received}; expected {_APOLLO} version 1")
    operations = parsed.get("operations")
    if not isinstance(operations, list):
        raise ValueError("'operations' is no list")
    for place, operation in enumerate(operations):
        if not isinstance(operation, dict):
            raise ValueError(f"operations[{place}] is no object")
        yield operation.get("id"), operation.get("body")


def _checked(pairs: Iterable[tuple[object, object]]) -> Iterator[tuple[str, str]]:
    for place, (id_, text) in enumerate(pairs):
        if not isinstance(id_, str) or not 1 <= len(id_) <= ID_MAX:
            raise ValueError(f"document {place}: the id is no text of 1 to {ID_MAX} characters")
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"document {id_[:80]!r}: expected a GraphQL document as text")
        yield id_, text


def document_hash(text: str) -> str:
    """The SHA-256 of a document, in hex: what clients send and every record of it is kept by."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
