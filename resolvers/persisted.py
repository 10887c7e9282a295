"""Which document a request means: its text, a hash sent before, or one registered in a manifest.

Automatic persisted queries as Apollo Client, urql and others send them, and trusted documents by
`documentId` or by the same hash. Nothing is parsed here: the guard and the plan come after.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hub.model.errors import (
    BodyInvalid,
    DocumentMismatch,
    DocumentNotTrusted,
    PersistedQueryNotFound,
)
from hub.security.principal import Principal
from resolvers.persisted_manifest import ID_MAX, ManifestFile, document_hash
from resolvers.persisted_steps import Step, Steps

PERSISTED_DOCUMENTS_MAX = 2_000
PERSISTED_BYTES_MAX = 16_000_000
"""Texts kept for automatic persisted queries, all callers together: bytes in UTF-8."""
PERSISTED_VERSION = 1

_SHA256 = re.compile(r"[0-9a-f]{64}")

CountUnknown = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class ResolvedDocument:
    """The document to run. `document_id` is its id in the manifest, else the hash of its text.

    `warnings` belong into the extensions of the answer. `is_to_keep`: sent with its hash, so
    `Documents.keep` it once it is known to be valid.
    """

    text: str
    hash: str
    document_id: str
    is_trusted: bool
    warnings: tuple[Mapping[str, str], ...] = ()
    is_to_keep: bool = False


class PersistedTexts:
    """Texts by their hash, the least recently used forgotten first; bounded in number and bytes."""

    def __init__(
        self, *, documents_max: int = PERSISTED_DOCUMENTS_MAX, bytes_max: int = PERSISTED_BYTES_MAX
    ) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._documents_max = documents_max
        self._bytes_max = bytes_max
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._texts)

    def get(self, hash_: str) -> str | None:
        text = self._texts.get(hash_)
        if text is not None:
            self._texts.move_to_end(hash_)
        return text

    def put(self, hash_: str, text: str) -> None:
        if hash_ in self._texts or _size(text) > self._bytes_max:
            return
        self._texts[hash_] = text
        self._bytes += _size(text)
        while len(self._texts) > self._documents_max or self._bytes > self._bytes_max:
            self._bytes -= _size(self._texts.popitem(last=False)[1])


class Documents:
    """Finds the document of a request. `count_unknown` hears of every one outside the manifest."""

    def __init__(
        self,
        trusted: ManifestFile,
        steps: Steps,
        *,
        count_unknown: CountUnknown,
        texts: PersistedTexts | None = None,
    ) -> None:
        self._trusted = trusted
        self._steps = steps
        self._count_unknown = count_unknown
        self._texts = PersistedTexts() if texts is None else texts

    def resolve(self, body: Mapping[str, Any], principal: Principal) -> ResolvedDocument:
        """The document the JSON body of a request means, or why this caller may not run it.

        BodyInvalid for what is no request, DocumentMismatch where text and name disagree,
        DocumentNotTrusted in step REQUIRE, PersistedQueryNotFound for a hash not known here.
        """
        asked = _asked(body)
        trusted = self._registered(asked)
        if trusted is not None:
            return trusted
        step = self._steps.of(principal)
        if step is Step.REQUIRE or (asked.text is None and asked.is_id):
            raise DocumentNotTrusted(asked.name)
        document = self._ad_hoc(asked)
        self._count_unknown(step)
        return document if step is Step.LOG else _warned(document)

    def keep(self, document: ResolvedDocument) -> None:
        """Remember a document sent with its hash. Call it once the document is known valid."""
        if document.is_to_keep:
            self._texts.put(document.hash, document.text)

    def _registered(self, asked: _Asked) -> ResolvedDocument | None:
        """The document of the manifest that is named, or whose very text was sent."""
        manifest = self._trusted.manifest
        id_ = None if asked.name is None else manifest.id_named(asked.name)
        if id_ is None and asked.text is not None and asked.is_rightly_named:
            id_ = manifest.ids.get(asked.text_hash)
        if id_ is None:
            return None
        text = manifest.documents[id_]
        if asked.text not in (None, text):
            raise DocumentMismatch(asked.name or id_)
        return ResolvedDocument(text, manifest.hashes[id_], id_, is_trusted=True)

    def _ad_hoc(self, asked: _Asked) -> ResolvedDocument:
        if asked.text is None:
            return self._known_by_hash(asked.as_hash())
        if not asked.is_rightly_named:
            raise DocumentMismatch(asked.as_hash())
        hash_ = asked.text_hash
        is_to_keep = asked.name is not None and not asked.is_id
        return ResolvedDocument(asked.text, hash_, hash_, is_trusted=False, is_to_keep=is_to_keep)

    def _known_by_hash(self, hash_: str) -> ResolvedDocument:
        text = self._texts.get(hash_)
        if text is None:
            raise PersistedQueryNotFound
        return ResolvedDocument(text, hash_, hash_, is_trusted=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a body names: a text, a name (documentId where `is_id`, else a hash), or both."""

    text: str | None
    text_hash: str  # empty where there is no text
    name: str | None
    is_id: bool

    @property
    def is_rightly_named(self) -> bool:
        """Whether a hash that came with the text is the text's; an id may be any word."""
        return self.name is None or self.is_id or self.name.lower() == self.text_hash

    def as_hash(self) -> str:
        """The name as a hash; BodyInvalid where it is none."""
        hash_ = (self.name or "").lower()
        if not _SHA256.fullmatch(hash_):
            received = (self.name or "")[:80]
            raise BodyInvalid(f"'sha256Hash' is {received!r}; expected 64 hexadecimal digits")
        return hash_


def _asked(body: Mapping[str, Any]) -> _Asked:
    text, id_, hash_ = _text_of(body), _name(body, "documentId"), _persisted_hash(body)
    if text is None and id_ is None and hash_ is None:
        raise BodyInvalid(
            "'query' is missing or empty; expected a GraphQL document as text, "
            "'documentId', or 'extensions.persistedQuery'"
        )
    if id_ is not None and hash_ is not None:
        raise BodyInvalid("both 'documentId' and 'extensions.persistedQuery'; expected one of them")
    text_hash = "" if text is None else document_hash(text)
    return _Asked(text, text_hash, id_ if hash_ is None else hash_, is_id=id_ is not None)


def _text_of(body: Mapping[str, Any]) -> str | None:
    text = body.get("query")
    if text is not None and not isinstance(text, str):
        raise BodyInvalid("'query' is no text; expected a GraphQL document as text")
    return text if text and text.strip() else None


def _persisted_hash(body: Mapping[str, Any]) -> str | None:
    extensions = body.get("extensions")
    if extensions is not None and not isinstance(extensions, dict):
        raise BodyInvalid("'extensions' is no object; expected an object or null")
    persisted = (extensions or {}).get("persistedQuery")
    if persisted is None:
        return None
    if not isinstance(persisted, dict) or persisted.get("version") != PERSISTED_VERSION:
        raise BodyInvalid(
            "'extensions.persistedQuery' is not understood; "
            f"expected {{version: {PERSISTED_VERSION}, sha256Hash}}"
        )
    hash_ = _name(persisted, "sha256Hash")
    if hash_ is None:
        raise BodyInvalid("'extensions.persistedQuery' has no 'sha256Hash'")
    return hash_


def _name(mapping: Mapping[str, Any], key: str) -> str | None:
    name = mapping.get(key)
    if name is None:
        return None
    if not isinstance(name, str) or not 1 <= len(name) <= ID_MAX:
        raise BodyInvalid(
            f"{key!r} is not as expected; expected a text of 1 to {ID_MAX} characters"
        )
    return name


def _warned(document: ResolvedDocument) -> ResolvedDocument:
    warning = {
        "code": DocumentNotTrusted.code,
        "message": "this document is not in the manifest and will be refused one day; register it",
    }
    return replace(document, warnings=(warning,))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
