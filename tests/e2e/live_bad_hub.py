"""The command `opshub` with a defect on purpose: every 50th event is told to nobody.

The checker of the live proof must be red over it: `python live_bad_hub.py up ...`.
"""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch

from hub.cli import main
from hub.events.event import Event
from subscriptions.fanout import Fanout

LOST_EVERY = 50  # events


class LosingFanout(Fanout):
    """Forgets some, as if they had never come."""

    def take(self, events: Sequence[Event]) -> None:
        super().take([each for each in events if (each.position or 0) % LOST_EVERY])


if __name__ == "__main__":
    with patch("subscriptions.stream.Fanout", LosingFanout):
        main()
