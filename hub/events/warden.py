"""Runs one command and ends it when our standard input closes: `python -m hub.events.warden CMD`.

A program that does not watch its parent (nats-server) is started through this, so that it ends
with the hub even when the hub is killed: the kernel closes the pipe, whatever happened.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

_STOP_WAIT_S = 5.0


def main(command: list[str]) -> int:
    """The command's exit code; it is asked to end at the end of standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group; the hub decides
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    watcher = threading.Thread(target=_end_with_input, args=(child,), daemon=True)
    watcher.start()
    return child.wait()


def _end_with_input(child: subprocess.Popen[bytes]) -> None:
    sys.stdin.buffer.read()
    child.terminate()
    try:
        child.wait(_STOP_WAIT_S)
    except subprocess.TimeoutExpired:
        child.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
