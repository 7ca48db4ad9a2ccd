"""The door of the gRPC port, as a worker's guest sees it: opened, moved and closed while services run.

A deployment may get such a door long after its services began, so each worker looks for it now and then, and goes
on without it when it has gone. The sockets it lends are served beside the worker's own port.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

from .guest import lent

LOOK_S = 1.0
"""From one look for a door to the next; who connects meanwhile waits."""
FIRST_LOOK_S = 5.0
"""A worker is ready after its first look: where there is a door, the release before it may end then."""


class GrpcDoor:
    """The sockets of the door at `path` that worker `worker` of `workers` serves, for as long as there is one."""

    def __init__(self, path: str, worker: int, workers: int) -> None:
        self._path = path
        self._worker = worker
        self._workers = workers
        self._looked = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self.listeners: tuple[socket.socket, ...] = ()

    async def begin(self, serve: Callable[[socket.socket], Awaitable[asyncio.Server]]) -> None:
        """Look for the door from now on; returns after the first look. `serve` begins to accept at a socket."""
        self._following = asyncio.get_running_loop().create_task(self._follow(serve))
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_LOOK_S):
                await self._looked.wait()

    def end(self) -> None:
        """Look for it no more; the sockets that are lent now stay with the worker."""
        if self._following is not None:
            self._following.cancel()

    async def _follow(self, serve: Callable[[socket.socket], Awaitable[asyncio.Server]]) -> None:
        while True:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                await self._stay(connection, serve)
            self._looked.set()
            await asyncio.sleep(LOOK_S)

    async def _stay(
        self, connection: socket.socket, serve: Callable[[socket.socket], Awaitable[asyncio.Server]]
    ) -> None:
        """Returns when the door has gone, and its sockets are closed."""
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, self._path)
        await _readable(connection)
        self.listeners = lent(connection, self._worker, self._workers)
        servers = [await serve(listener) for listener in self.listeners]
        self._looked.set()
        await _readable(connection)
        self.listeners = ()
        for server in servers:
            server.close()


async def _readable(connection: socket.socket) -> None:
    """Returns when the other end has said something, or has gone."""
    loop = asyncio.get_running_loop()
    heard = asyncio.Event()
    loop.add_reader(connection, heard.set)
    try:
        await heard.wait()
    finally:
        loop.remove_reader(connection)
