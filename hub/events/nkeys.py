"""Signing the challenge of a NATS server with an nkey: an Ed25519 key in base32 with a checksum.

nats-py would need a package more for it; `cryptography` is there for tokens.
https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth
"""

from __future__ import annotations

import binascii
import re
from base64 import b32decode, b32encode, b64encode
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.model.errors import ConfigInvalid

Sign = Callable[[str], bytes]
"""What answers a nonce, as nats-py asks for it: the signature in base64."""

_SEED_BYTES = 32
_PREFIX_SEED, _PREFIX_USER = 18 << 3, 20 << 3
_BLOCK = re.compile(r"-+BEGIN ([A-Z ]+)-+\s+(\S+)\s+-+END")


class UserKey:
    """The key of one NATS user. `public` is what the server knows it by."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        told = bytes([_PREFIX_USER]) + self._key.public_key().public_bytes_raw()
        self.public = _spelled(told)

    def sign(self, nonce: str) -> bytes:
        return b64encode(self._key.sign(nonce.encode()))


def key_of_seed(text: str, *, named: str) -> UserKey:
    """The key of a user's seed, which begins with SU; ConfigInvalid where the text is none."""
    try:
        raw = b32decode(text.strip() + "=" * (-len(text.strip()) % 8))
        told, checksum = raw[:-2], int.from_bytes(raw[-2:], "little")
        kind = (told[0] & 7) << 5 | told[1] >> 3
        is_seed = told[0] & 0xF8 == _PREFIX_SEED and kind == _PREFIX_USER
        if not is_seed or checksum != _crc(told) or len(told) != _SEED_BYTES + 2:
            raise ValueError("no seed of a user")
    except (ValueError, IndexError):
        raise ConfigInvalid(f"{named} holds no nkey seed of a user; one begins with SU") from None
    return UserKey(told[2:])


def read_seed(path: Path, *, named: str) -> UserKey:
    return key_of_seed(_read(path, named), named=named)


def read_credentials(path: Path, *, named: str) -> tuple[str, UserKey]:
    """The user's JWT and key of a `.creds` file; ConfigInvalid where it lacks one."""
    blocks = {name: value for name, value in _BLOCK.findall(_read(path, named))}
    jwt, seed = blocks.get("NATS USER JWT"), blocks.get("USER NKEY SEED")
    if jwt is None or seed is None:
        raise ConfigInvalid(
            f"{named} is no credentials file: expected the blocks NATS USER JWT and USER NKEY SEED"
        )
    return jwt, key_of_seed(seed, named=named)


def seed_text(seed: bytes) -> str:
    """The seed of a user as its file has it."""
    prefix = bytes([_PREFIX_SEED | _PREFIX_USER >> 5, (_PREFIX_USER & 31) << 3])
    return _spelled(prefix + seed)


def _spelled(told: bytes) -> str:
    return b32encode(told + _crc(told).to_bytes(2, "little")).decode().rstrip("=")


def _crc(told: bytes) -> int:
    return binascii.crc_hqx(told, 0)  # CRC-16/XMODEM


def _read(path: Path, named: str) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{named} cannot be read: {type(error).__name__}") from None
