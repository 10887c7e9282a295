"""The name of an audit chain: one per data directory, the same after every restart."""

from __future__ import annotations

import os
import re
import secrets
import socket
from pathlib import Path

from hub.model.errors import ConfigInvalid

CHAIN_NAME_FILE = "audit-chain.name"
NAME_MAX = 120  # characters

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,120}")


def chain_name(data_dir: Path) -> str:
    """The name kept in the data directory, made of host and a random part on first use.

    Processes that race agree on one; two that share it take turns at the chain's end.
    """
    path = data_dir / CHAIN_NAME_FILE
    try:
        if not path.exists():
            _create(path)
        name = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"cannot keep the name of the audit chain in {path}") from error
    if not _WELL_FORMED.fullmatch(name):
        raise ConfigInvalid(f"{path} holds no name of an audit chain; restore it from a backup")
    return name


def _create(path: Path) -> None:
    """Written aside, then linked: nobody ever reads half a name, and the first one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[: NAME_MAX - 9]
    aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    aside.write_text(f"{host}-{secrets.token_hex(4)}\n", encoding="ascii")
    try:
        os.link(aside, path)
    except FileExistsError:
        return
    finally:
        aside.unlink(missing_ok=True)
