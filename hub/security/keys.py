"""The keys tokens are signed with: one of development, made on first use, or one from a file."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Literal

from hub.model.errors import ConfigInvalid

Profile = Literal["development", "production"]

DEVELOPMENT_KEY_FILE = "development.key"
KEY_BYTES_MIN = 32  # RFC 7518 3.2: an HS256 key is as long as its hash
KEY_BYTES_MAX = 4_096

# A key made here says so, and production refuses it under any file name.
_DEVELOPMENT_MARK = b"opshub-development-"


def signing_key(*, profile: Profile, data_dir: Path, key_file: Path | None) -> bytes:
    """The key of a file where one is named, else the development key of the data directory.

    ConfigInvalid where the file is unreadable, too short or readable by others, and where
    production would run on a development key.
    """
    if key_file is not None:
        key = _read(key_file)
        if profile == "production" and key.startswith(_DEVELOPMENT_MARK):
            raise ConfigInvalid(
                f"{key_file} holds a development key: whoever can read a developer's data "
                "directory could sign tokens for production; name a key of your own"
            )
        return key
    if profile == "production":
        raise ConfigInvalid(
            "production needs a signing key of its own in a file: the development key lies in "
            "the data directory, and whoever reads it could sign a token for any role"
        )
    return development_key(data_dir)


def development_key(data_dir: Path) -> bytes:
    """The data directory's key, made on first use (mode 0600); processes that race agree on one."""
    path = data_dir / DEVELOPMENT_KEY_FILE
    if not path.exists():
        _create(path)
    return _read(path)


def _create(path: Path) -> None:
    """Written aside, then linked: nobody ever reads half a key, and the first one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_DEVELOPMENT_MARK + secrets.token_hex(32).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    except FileExistsError:
        return
    except OSError as error:
        raise ConfigInvalid(f"cannot write the development key {path}: {error.strerror}") from error
    finally:
        aside.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            key = file.read(KEY_BYTES_MAX + 1).strip()
    except OSError as error:
        raise ConfigInvalid(f"cannot read the signing key {path}: {error.strerror}") from error
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        raise ConfigInvalid(
            f"the signing key {path} is open to others (mode {mode:04o}); chmod 600 it"
        )
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise ConfigInvalid(
            f"the signing key {path} has {len(key)} bytes; "
            f"expected {KEY_BYTES_MIN} to {KEY_BYTES_MAX}"
        )
    return key
