"""Official clients subscribe to a moving demo, lose the hub, come back and miss nothing."""

import os
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hub.security.principal import Role
from tests.e2e.hub_process import end, running_hub
from tests.support.subscription_clients import KINDS, Following, installed_packages

pytestmark = pytest.mark.timeout(240)

EVENTS_TIMEOUT_S = 60.0
STOPPED_BY = [signal.SIGKILL]
if "OPSHUB_PROVE_CLIENTS" in os.environ:
    STOPPED_BY.append(signal.SIGTERM)
BEFORE, AFTER = 3, 3  # events of each client before the hub is ended, and after it is back

DOCUMENT = """subscription ($after: String) {
  orderStatusChanged(filter: {}, after: $after) {
    __typename
    ... on OrderStatusEvent { eventId cursor sequence }
    ... on OrderStatusSnapshot { cursor sequence }
    ... on Heartbeat { cursor }
    ... on StreamGap { cursor }
  }
}"""


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
    return port


def status_changes(folder: Path, after: int, up_to: int) -> dict[str, int]:
    """What the hub's own log says happened between two positions: event ids and positions."""
    with closing(sqlite3.connect(folder / "data" / "opshub.sqlite3")) as store:
        rows = store.execute(
            "SELECT event_id, position FROM event_log WHERE noun = 'order' "
            "AND change = 'status_changed' AND position > ? AND position <= ?",
            (after, up_to),
        )
        return dict(rows.fetchall())


@pytest.mark.prove
@pytest.mark.parametrize("stopped_by", STOPPED_BY)
def test_official_clients_lose_the_hub_and_miss_nothing(
    tmp_path: Path, stopped_by: signal.Signals
) -> None:
    arguments = ("--demo", "--pace", "0.2", "--port", str(free_port()))
    installed_packages()
    with running_hub(tmp_path, *arguments) as hub:
        clients = [
            Following(
                kind, f"{hub.url}/graphql", token=hub.token_of(f"desk-{kind}", Role.AGENT),
                document=DOCUMENT, folder=tmp_path,
            )
            for kind in KINDS
        ]  # fmt: skip
        try:
            for client in clients:
                client.wait_for_events(BEFORE, within_s=EVENTS_TIMEOUT_S)
            end(hub.process, stopped_by)
            seen = {client.kind: len(client.events) for client in clients}
            with running_hub(tmp_path, *arguments):
                for client in clients:
                    wanted = seen[client.kind] + AFTER
                    client.wait_for_events(wanted, within_s=EVENTS_TIMEOUT_S)
        finally:
            for client in clients:
                client.stop()
    for client in clients:
        check(client, tmp_path)


def check(client: Following, folder: Path) -> None:
    """Every change between its snapshot and its last item came, in order, each once."""
    assert not [line for line in client.lines if "errors" in line], client.kind
    assert "StreamGap" not in {item["__typename"] for item in client.items}, client.kind
    first, *_ = client.items
    assert first["__typename"] == "OrderStatusSnapshot", (client.kind, first)
    sequences = {each["eventId"]: int(each["sequence"]) for each in client.events}
    truth = status_changes(folder, int(first["sequence"]), max(sequences.values()))
    assert sequences == truth, client.kind
    assert list(sequences.values()) == sorted(sequences.values()), client.kind
