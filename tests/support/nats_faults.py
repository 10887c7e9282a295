"""A nats-server that dies and comes back at the same address, and a wire that can be cut."""

import asyncio
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory

from tests.support import children
from tests.support.nats import nats_binary


class MortalNats:
    """A server with JetStream on a fixed port of loopback; its store outlives it."""

    def __init__(self, folder: Path, *, settings: str = "") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"nats://127.0.0.1:{self.port}"
        self.store = folder / "store"
        self._folder = folder
        self._config = folder / "nats.conf"
        self._config.write_text(
            f"listen: 127.0.0.1:{self.port}\n"
            f"jetstream {{ store_dir: '{self.store}' }}\n"
            f"{settings}\n"
        )
        self._process: Popen[bytes] | None = None

    def start(self) -> None:
        """Clients try until it listens."""
        command = [str(nats_binary()), "-c", str(self._config)]
        self._process = children.start(command, log=self._folder / "nats.log")

    def kill(self) -> None:
        """As by `kill -9`."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """It takes connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def wipe(self) -> None:
        """Its whole store; only while it is dead."""
        shutil.rmtree(self.store)


@contextmanager
def mortal_nats(*, is_up: bool = True, settings: str = "") -> Iterator[MortalNats]:
    with TemporaryDirectory(prefix="opshub-nats-") as folder:
        server = MortalNats(Path(folder), settings=settings)
        if is_up:
            server.start()
        try:
            yield server
        finally:
            with suppress(AssertionError):
                server.go_on()
            server.kill()


class Wire:
    """A TCP wire to a server that can swallow everything: connected, and no answer."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self._target_port = target_port
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "Wire":
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self._is_open.set()
        for writer in self._writers:
            writer.close()

    def swallow(self) -> None:
        self._is_open.clear()

    def carry_on(self) -> None:
        self._is_open.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target_port)
        self._writers |= {writer, back}
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while told := await reader.read(65_536):
                await self._is_open.wait()
                writer.write(told)
                await writer.drain()
        writer.close()
