"""The identity provider's keys, read in the background from a file or a URL.

A request never waits for them: an unknown `kid` is refused at once and wishes for a refresh, which
is granted once in GAP_S. Where a refresh fails, the keys read before stand.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from hub.model.errors import ConfigInvalid
from hub.security.claim_paths import ClaimPaths
from hub.security.jwks import JWKS_BYTES_MAX, parse_jwks
from hub.security.tokens import TokenKey

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JwksPace:
    """How often the key set is read, in seconds."""

    gap_s: float = 60.0  # between two fetches, however many tokens name unknown keys
    every_s: float = 300.0  # without any wish; providers announce a key an hour before its use
    retry_s: float = 5.0  # as long as there is no key at all
    file_s: float = 2.0  # a file costs 0.1 ms
    timeout_s: float = 5.0  # one fetch, all of it


class PublishedKeys:
    """The keys at `location`, whose tokens are read by `paths`.

    ConfigInvalid where the location is neither a file's path nor an https URL (or http on this
    machine).
    """

    def __init__(self, location: str, paths: ClaimPaths, *, pace: JwksPace | None = None) -> None:
        self._file = None if "://" in location else Path(location)
        self._url = location
        if self._file is None:
            _check_url(location)
        self._paths = paths
        self._pace = pace or JwksPace()
        self._wished = asyncio.Event()
        self._read: bytes | None = None
        self.keys: Mapping[str, TokenKey] = {}
        self.problem: str | None = "the key set was not read yet"

    def wish(self) -> None:
        """Somebody named a key that is not here: read the set again soon."""
        self._wished.set()

    async def refresh(self) -> None:
        """Read the set once; `problem` says what is wrong, and the keys read before stand."""
        try:
            text = await self._text()
            if text != self._read:
                self.keys, self._read = parse_jwks(text, self._paths), text
                _log.info("the identity provider's keys were read", extra={"keys": len(self.keys)})
            self.problem = None
        except ConfigInvalid as error:
            self.problem = f"{_shown(self._url)}: {error}"
            _log.warning("the identity provider's keys were not read: %s", self.problem)

    async def follow(self) -> None:
        """Refresh for ever. Cancel it to stop."""
        while True:
            await self._until_due()
            self._wished.clear()
            await self.refresh()

    async def _until_due(self) -> None:
        if self._file is not None:
            await asyncio.sleep(self._pace.file_s)
            return
        if not self.keys:
            await asyncio.sleep(self._pace.retry_s)
            return
        await asyncio.sleep(self._pace.gap_s)
        rest_s = max(0.0, self._pace.every_s - self._pace.gap_s)
        try:
            async with asyncio.timeout(rest_s):
                await self._wished.wait()
        except TimeoutError:
            return

    async def _text(self) -> bytes:
        if self._file is not None:
            return await asyncio.to_thread(_file_text, self._file)
        try:
            async with asyncio.timeout(self._pace.timeout_s):
                return await self._fetched()
        except TimeoutError:
            raise ConfigInvalid(f"no answer within {self._pace.timeout_s:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise ConfigInvalid(f"it cannot be read ({type(error).__name__})") from None

    async def _fetched(self) -> bytes:
        """The body of a 200; a redirect is none: it would name a place nobody configured."""
        is_here = urlsplit(self._url).scheme == "http"
        async with (
            httpx2.AsyncClient(follow_redirects=False, trust_env=not is_here) as client,
            client.stream("GET", self._url, headers={"Accept": "application/json"}) as response,
        ):
            if response.status_code != 200:
                raise ConfigInvalid(f"it answered {response.status_code}; expected 200")
            text = bytearray()
            async for part in response.aiter_bytes():
                text += part
                if len(text) > JWKS_BYTES_MAX:
                    raise _too_large()
            return bytes(text)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_good = parts.username is None and parts.port != 0 and host != ""
    except ValueError:
        is_good = False
    if not is_good or not (parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))):
        raise ConfigInvalid(
            "OPSHUB_TOKEN_JWKS: expected a file, an https URL without user and password, "
            "or an http URL of this machine"
        )


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(location: str) -> str:
    """The location without what may be secret in it."""
    return location.partition("?")[0]


def _file_text(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            text = file.read(JWKS_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigInvalid(f"cannot read the file: {error.strerror}") from None
    if len(text) > JWKS_BYTES_MAX:
        raise _too_large()
    return text


def _too_large() -> ConfigInvalid:
    return ConfigInvalid(f"it is larger than {JWKS_BYTES_MAX} bytes")
