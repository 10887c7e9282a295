"""Points at which a process ends at once, as if it were killed there. Inert but in tests.

`OPSHUB_TEST_CRASH_AT` names one; the process then exits with status 137 when it gets there.
"""

from __future__ import annotations

import asyncio
import os

VARIABLE = "OPSHUB_TEST_CRASH_AT"
STATUS = 137  # of a process that was killed
DURING_CALL_S = 0.02  # after a call began

CRASH_POINTS = (
    "accepting",  # everything is written, nothing committed
    "accepted",  # committed, not answered
    "claimed",
    "begun",  # it is written that it is being sent
    "during_call",
    "answered",  # the system has answered, nothing is recorded
    "settling",  # the outcome is written, not committed
    "settled",  # committed, nobody is told
    "published",  # NATS was told, the event log does not say so yet
)
"""Every point there is, in the order a command passes them."""


def reach(name: str) -> None:
    """End here if the environment says so."""
    if os.environ.get(VARIABLE) == name:
        os._exit(STATUS)


def reach_during_call() -> None:
    """End while the call that begins now is under way."""
    if os.environ.get(VARIABLE) == "during_call":
        asyncio.get_running_loop().call_later(DURING_CALL_S, reach, "during_call")
