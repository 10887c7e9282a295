"""Runs one command and ends it when our standard input closes:
`python -m hub.events.warden LOCK CMD`.

A program that does not watch its parent (nats-server) is started through this, so that it ends
with the hub even when the hub is killed: the kernel closes the pipe, whatever happened. SIGHUP is
passed on. The file LOCK is held as long as the command runs, and waited for before: two servers
over one store would ruin it, and that of a hub that was just killed takes a moment to end.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType

_STOP_WAIT_S = 5.0
_LOCK_POLL_S = 0.02
_READ_BYTES = 4_096
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(lock: Path, command: list[str]) -> int:
    """The command's exit code, 128 and the signal that ended it; 0 where it was never begun."""
    children: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        for each in children:
            each.send_signal(number)

    signal.signal(signal.SIGHUP, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group; the hub decides
    held = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    if not _is_locked(held):
        return 0
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        pass_fds=(held,),  # it holds the lock too, should we be killed
        start_new_session=True,  # Ctrl-C would end it before the hub has
        preexec_fn=_end_with_us if sys.platform == "linux" else None,
    )
    children.append(child)
    threading.Thread(target=_end_with_input, args=(child,), daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


def _is_locked(held: int) -> bool:
    """Wait until the lock is ours; False where standard input ended before."""
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if select.select([sys.stdin], [], [], _LOCK_POLL_S)[0]:
                return False
        else:
            return True


def _end_with_us() -> None:
    """In the child: the kernel asks it to end when this process dies, whichever way."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _end_with_input(child: subprocess.Popen[bytes]) -> None:
    while os.read(sys.stdin.fileno(), _READ_BYTES):  # unbuffered: a buffer's lock fails our exit
        pass
    child.terminate()
    try:
        child.wait(_STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
