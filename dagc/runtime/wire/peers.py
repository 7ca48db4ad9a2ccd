"""The instances of another service: which one is asked next, over which of its few connections."""

import asyncio
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..settings import StartError
from .connection import Broken, Connection

MOST_CONNECTIONS = 8
"""To one instance. Answers come in the order of their requests, so slow ones had better have company elsewhere."""
DEEP = 4
"""Requests on every connection from which on one more is opened."""
MOST_IN_FLIGHT = 32
"""On one connection: what the other side works on at the same time."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
CONNECT_S = 1.0


class Busy(Exception):
    """As many requests are on their way as may be."""


def addresses(service: str) -> tuple[tuple[str, int], ...]:
    """Where the instances of a service listen: DAGC_SERVICE_<NAME>, else port 8000 of the host of its name.

    Raises:
        StartError: `bad_setting`.
    """
    variable = f"DAGC_SERVICE_{service.upper().replace('-', '_')}"
    given = os.environ.get(variable) or f"http://{service}:8000"
    found = tuple(_address(text.strip(), variable) for text in given.split(",") if text.strip())
    if not found:
        raise StartError("bad_setting", f"{variable} holds no address")
    return found


def _address(text: str, variable: str) -> tuple[str, int]:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme != "http" or not host or parts.path not in ("", "/"):
        raise StartError("bad_setting", f"{variable} must hold addresses like `http://name:8000`")
    return host, port or 80


@dataclass(slots=True)
class Instance:
    """One address, its connections, and from when on it may be tried again after it did not answer."""

    host: str
    port: int
    connections: list[Connection] = field(default_factory=list)
    opening: "asyncio.Task[Connection] | None" = None
    _failures: int = 0
    _again_at: float = 0.0

    def is_up(self, now: float) -> bool:
        """Whether it may be tried."""
        return now >= self._again_at

    async def connection(self) -> Connection:
        """The connection with the fewest requests on it, a new one where all have some.

        Raises:
            Broken: it cannot be reached.
            Busy: all are full.
        """
        usable = [one for one in self.connections if one.usable]
        best = min(usable, key=lambda one: one.load, default=None)
        if best is None:
            return await self._opened()
        may_open = self.opening is None and len(usable) < MOST_CONNECTIONS and self.is_up(time.monotonic())
        if best.load >= DEEP and may_open:
            self._open()  # for those who come later
        if best.load >= MOST_IN_FLIGHT:
            raise Busy
        return best

    def close(self) -> None:
        """Ends all connections."""
        for connection in tuple(self.connections):
            connection.close()

    async def _opened(self) -> Connection:
        opening = self.opening or self._open()
        return await asyncio.shield(opening)

    def _open(self) -> "asyncio.Task[Connection]":
        self.opening = asyncio.get_running_loop().create_task(self._connect())
        self.opening.add_done_callback(self._begun)
        return self.opening

    def _begun(self, opening: "asyncio.Task[Connection]") -> None:
        self.opening = None
        if not opening.cancelled():
            opening.exception()  # whoever waited for it has it

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                _, made = await loop.create_connection(lambda: Connection(self._lost), self.host, self.port)
        except (OSError, TimeoutError) as error:
            self._failures += 1
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._failures - 1, 10))
            self._again_at = time.monotonic() + pause_s * random.uniform(0.5, 1.0)
            raise Broken(f"no connection: {type(error).__name__}") from None
        self._failures, self._again_at = 0, 0.0
        self.connections.append(made)
        return made

    def _lost(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)


class Peers:
    """All instances of a service, asked in turn."""

    def __init__(self, given: Sequence[tuple[str, int]]) -> None:
        self._instances = [Instance(host, port) for host, port in given]
        self._next = 0

    async def connection(self) -> Connection:
        """A connection to the next instance that is up.

        Raises:
            Broken: none can be reached.
            Busy: those that can be have as many requests as they may.
        """
        now = time.monotonic()
        count = len(self._instances)
        order = [self._instances[(self._next + number) % count] for number in range(count)]
        self._next = (self._next + 1) % count
        failed: Exception = Broken("no instance can be reached, one will be tried again soon")
        for instance in order:
            if not instance.is_up(now):
                continue
            try:
                return await instance.connection()
            except (Broken, Busy) as error:
                failed = error
        raise failed

    def close(self) -> None:
        """Ends all connections."""
        for instance in self._instances:
            instance.close()
