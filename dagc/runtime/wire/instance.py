"""One address of a service: its few connections, and when it may be tried again after it failed.

An instance that stopped answering is asked for its health before it gets another request: a process that is frozen
still takes connections.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field

from .connection import Broken, Connection, Reply

MOST_CONNECTIONS = 8
"""To one instance. Answers come in the order of their requests, so slow ones had better have company elsewhere."""
DEEP = 4
"""Messages on every connection from which on one more is opened."""
MOST_IN_FLIGHT = 32
"""On one connection: what the other side works on at the same time."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
CONNECT_S = 1.0

_HEALTH = b"GET /live HTTP/1.1\r\nhost: %b\r\n\r\n"


@dataclass(slots=True, eq=False)
class Instance:
    """An address, as numbers where it was looked up. `name` is the host that it was looked up for."""

    host: str
    port: int
    name: str
    connections: list[Connection] = field(default_factory=list)
    opening: "asyncio.Task[Connection] | None" = None
    is_suspect: bool = False
    """Whether nobody knows if it still answers."""
    _failures: int = 0
    _again_at: float = 0.0

    def is_up(self, now: float) -> bool:
        """Whether it may be tried."""
        return now >= self._again_at

    def ready(self, now: float) -> Connection | None:
        """The connection with the fewest requests on it that has room; sees to it that there are enough."""
        best: Connection | None = None
        for connection in self.connections:
            if connection.usable and (best is None or connection.load < best.load):
                best = connection
        if self.opening is None and (best is None or best.load >= DEEP) and self.is_up(now):
            self._open()
        return best if best is not None and best.load < MOST_IN_FLIGHT else None

    def retire(self) -> None:
        """It is no address of the service any more."""
        for connection in tuple(self.connections):
            connection.retire()

    def close(self) -> None:
        """Ends all connections."""
        for connection in tuple(self.connections):
            connection.close()

    def _open(self) -> None:
        if sum(connection.usable for connection in self.connections) < MOST_CONNECTIONS:
            self.opening = asyncio.get_running_loop().create_task(self._connect())
            self.opening.add_done_callback(self._begun)

    def _begun(self, opening: "asyncio.Task[Connection]") -> None:
        self.opening = None
        if not opening.cancelled():
            opening.exception()  # whoever waited for it has it

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                _, made = await loop.create_connection(lambda: Connection(self._lost), self.host, self.port)
                if self.is_suspect:
                    await self._healthy(made)
        except (OSError, TimeoutError) as error:
            self._failures += 1
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._failures - 1, 10))
            self._again_at = time.monotonic() + pause_s * random.uniform(0.5, 1.0)
            raise Broken(f"no connection: {type(error).__name__}") from None
        self._failures, self._again_at = 0, 0.0
        self.is_suspect = False
        self.connections.append(made)
        return made

    async def _healthy(self, connection: Connection) -> None:
        """Returns when the other side has answered, whatever it says: a service that ends says so itself."""
        answered: asyncio.Future[Reply | Broken] = asyncio.get_running_loop().create_future()

        def land(reply: Reply | Broken) -> None:
            if not answered.done():
                answered.set_result(reply)

        connection.send(_HEALTH % self.name.encode("ascii", "replace"), b"", land)
        try:
            found = await answered
        except asyncio.CancelledError:
            connection.close()
            raise
        if isinstance(found, Broken):
            raise found

    def _lost(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
        if connection.is_silent:
            self.is_suspect = True
            self.retire()
