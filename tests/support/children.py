"""Child processes of the tests: they end with the test run and leave a log."""

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

STOP_GRACE_S = 5.0
PR_SET_PDEATHSIG = 1

# The accounts a server may run under when the tests run as root, most fitting first.
UNPRIVILEGED = ("postgres", "nobody")


class ChildFailed(Exception):
    """A server the tests need did not start; the message carries the end of its log."""


class Account(NamedTuple):
    """The user and group a command runs under; None means our own."""

    uid: int | None
    gid: int | None


OURS = Account(None, None)


def server_account() -> Account:
    """Our own account, unless we are root: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return OURS
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in UNPRIVILEGED:
        if name in known:
            return Account(known[name].pw_uid, known[name].pw_gid)
    raise ChildFailed(f"running as root, and none of the accounts {UNPRIVILEGED} exists here")


def start(
    arguments: Sequence[str],
    *,
    log: Path,
    account: Account = OURS,
) -> subprocess.Popen[bytes]:
    """Start a server that dies with this process, SIGKILL included (on Linux)."""
    with log.open("ab") as sink:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
            preexec_fn=_die_with_parent(),
            user=account.uid,
            group=account.gid,
        )


def stop(process: subprocess.Popen[bytes], *, with_signal: signal.Signals) -> None:
    """Ask the process to end, and end it after STOP_GRACE_S seconds if it did not."""
    if process.poll() is not None:
        return
    process.send_signal(with_signal)
    try:
        process.wait(STOP_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_GRACE_S)


def log_tail(log: Path, *, lines: int = 20) -> str:
    """The last lines of a log, or a word that there is none."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _die_with_parent() -> Callable[[], None] | None:
    """A function to run in the child before exec; the C library is loaded before the fork."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
