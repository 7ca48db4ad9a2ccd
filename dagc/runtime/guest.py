"""A worker as the guest of a door: it serves the door's sockets beside its own port, for as long as there is one.

A door may open long after the worker has begun, move to another port, or die and come back: the worker looks for
it again and goes on meanwhile. Nobody who connects is refused while a door stands; who comes too early waits.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

from .logs import tell

Serve = Callable[[socket.socket], Awaitable[asyncio.Server]]
"""Begins to accept at a socket."""

LOOK_S = 0.25
"""From one look for a door to the next."""
FIRST_LOOK_S = 5.0
"""A worker is ready after its first look: where there is a door, the release before it may end then."""
_MOST_SOCKETS = 64


class Guest:
    """The sockets of the door at `path` that worker `worker` of `workers` serves."""

    def __init__(self, path: str, worker: int, workers: int) -> None:
        self._path = path
        self._worker = worker
        self._workers = workers
        self._looked = asyncio.Event()
        self._staying: asyncio.Task[None] | None = None
        self.listeners: tuple[socket.socket, ...] = ()

    @classmethod
    def of(cls, variable: str, worker: int, workers: int) -> Guest | None:
        """The guest of the door that this variable of the environment names, if it names one."""
        path = os.environ.get(variable)
        return cls(path, worker, workers) if path else None

    async def begin(self, serve: Serve) -> None:
        """Look for the door from now on; returns after the first look."""
        self._staying = asyncio.get_running_loop().create_task(self._stay(serve))
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_S):
                await self._looked.wait()

    def end(self) -> tuple[socket.socket, ...]:
        """The sockets that are lent now, which stay with the worker; it looks for no others."""
        if self._staying is not None:
            self._staying.cancel()
        return self.listeners

    async def _stay(self, serve: Serve) -> None:
        while True:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                await self._visit(connection, serve)
            self._looked.set()
            await asyncio.sleep(LOOK_S)

    async def _visit(self, connection: socket.socket, serve: Serve) -> None:
        """Returns when the door has gone, and the sockets it lent are closed."""
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, self._path)
        await _readable(connection)
        self.listeners = _lent(connection, self._worker, self._workers)
        servers = [await serve(listener) for listener in self.listeners]
        self._looked.set()
        await _readable(connection)
        self.listeners = ()
        for server in servers:
            server.close()
        tell("warning", f"the door `{self._path}` has gone", code="door_closed")


def shared(sockets: int, worker: int, workers: int) -> tuple[int, ...]:
    """Which of so many sockets a worker serves: each socket has a worker, and each worker a socket."""
    return tuple(range(worker, sockets, workers)) or (worker % sockets,)


def _lent(connection: socket.socket, worker: int, workers: int) -> tuple[socket.socket, ...]:
    _, descriptors, _, _ = socket.recv_fds(connection, 1, _MOST_SOCKETS)
    listeners = [socket.socket(fileno=number) for number in descriptors]
    mine = shared(len(listeners), worker, workers) if listeners else ()
    for at, listener in enumerate(listeners):
        if at not in mine:
            listener.close()
    return tuple(listeners[at] for at in mine)


async def _readable(connection: socket.socket) -> None:
    """Returns when the other end has said something, or has gone."""
    loop = asyncio.get_running_loop()
    heard = asyncio.Event()
    loop.add_reader(connection, heard.set)
    try:
        await heard.wait()
    finally:
        loop.remove_reader(connection)
