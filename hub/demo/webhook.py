"""The carrier's webhook: told once, perhaps signed, never repeated, as such things are."""

import asyncio
import contextlib
import hashlib
import hmac
from dataclasses import dataclass
from urllib.error import URLError
from urllib.request import Request, urlopen

import orjson

from hub.demo.system import Change

TIMEOUT_S = 2.0
SIGNATURE_HEADER = "X-Carrier-Signature"


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where changes go. With a secret the body is signed: hex HMAC-SHA256 after `sha256=`."""

    url: str
    secret: str | None = None

    async def tell(self, change: Change) -> None:
        """One attempt; nobody learns whether it arrived."""
        with contextlib.suppress(URLError, OSError):
            await asyncio.to_thread(self._post, orjson.dumps(change))

    def _post(self, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        if self.secret:
            digest = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
            headers[SIGNATURE_HEADER] = f"sha256={digest}"
        with urlopen(Request(self.url, data=body, headers=headers), timeout=TIMEOUT_S):
            pass
