"""One process that serves: uvicorn's server with our protocol, our drain, and exit code 0 on a signal.

SIGTERM makes the service unready, lets it accept for `drain_s` more, then finishes what is in flight.
"""

from __future__ import annotations

import asyncio
import math
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterable
from functools import partial
from types import FrameType

import uvicorn

from .app import App
from .connection import Connection
from .front import Front
from .grpc_port import GrpcPort
from .guest import Guest
from .served import Endpoint
from .settings import StartError

BACKLOG = 2048
MAX_CONNECTIONS = 4096
# Files a worker needs besides its connections, and connections over the cap that may still ask for health.
SPARE_FILES = 64
MAX_CROWD = 256


class Worker(uvicorn.Server):
    """Serves `front`; `announce` is called once it listens. A supervised worker heeds its supervisor only."""

    def __init__(
        self,
        front: Front,
        drain_s: float,
        announce: Callable[[], None],
        *,
        supervised: bool,
        door: Guest | None = None,
        grpc: GrpcPort | None = None,
    ) -> None:
        users = front.service.app is not None
        config = uvicorn.Config(
            App(front),
            http=partial(Connection, front),  # type: ignore[arg-type]
            loop="auto",
            ws="auto" if users else "none",
            lifespan="auto" if users else "off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=patience_s(front.service.endpoints.values()),
        )
        super().__init__(config)
        self._front = front
        self._drain_s = drain_s
        self._announce = announce
        self._supervised = supervised
        self._door = door
        self._grpc = grpc
        self._drains_since = 0.0
        self._taken: set[asyncio.Task[object]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then says so.

        Raises:
            StartError: `app_failed`, the user's application did not start.
        """
        self._front.start(asyncio.get_running_loop())
        try:
            await super().startup(sockets)
        except SystemExit:  # uvicorn's word for it
            message = "the application in front did not start; what it said stands above"
            raise StartError("app_failed", message) from None
        if self._door is not None:
            await self._door.begin(self._serve_http)
        if self._grpc is not None:
            await self._serve_grpc(self._grpc.listener)
            if self._grpc.door is not None:
                await self._grpc.door.begin(self._serve_grpc)
        self._front.ready = True
        self._announce()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to drain; a second signal ends that. Unlike uvicorn's, the signal is not raised again."""
        if self._supervised and sig == signal.SIGINT:
            return  # Ctrl-C reaches every process of a terminal; the supervisor passes it on once
        if self._front.draining:
            self.should_exit = True
        self._drains_since = time.monotonic()
        self._front.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Ends the draining in time."""
        drained = self._front.draining and time.monotonic() - self._drains_since >= self._drain_s
        self.should_exit = self.should_exit or drained
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes in what waits to be accepted, then closes the port and finishes what is in flight."""
        self._front.stopping = True
        for listener in (*(sockets or ()), *(self._door.end() if self._door else ())):
            self._take_in(listener, self._http)
        if self._grpc is not None:
            for listener in (self._grpc.listener, *(self._grpc.door.end() if self._grpc.door else ())):
                self._take_in(listener, partial(self._grpc.connect, self._front, self.server_state))
        await super().shutdown(sockets)

    def _http(self) -> asyncio.Protocol:
        return Connection(self._front, self.config, self.server_state, self.lifespan.state)

    async def _serve_http(self, listener: socket.socket) -> asyncio.Server:
        return await self._accept_at(listener, self._http)

    async def _serve_grpc(self, listener: socket.socket) -> asyncio.Server:
        assert self._grpc is not None
        return await self._accept_at(listener, partial(self._grpc.connect, self._front, self.server_state))

    async def _accept_at(self, listener: socket.socket, connect: Callable[[], asyncio.Protocol]) -> asyncio.Server:
        server = await asyncio.get_running_loop().create_server(connect, sock=listener, backlog=BACKLOG)
        self.servers.append(server)
        return server

    def _take_in(self, listener: socket.socket, connect: Callable[[], asyncio.Protocol]) -> None:
        # The kernel resets what it has connected and we have not accepted when the port closes. uvicorn closes it
        # right after this, without giving the loop a turn.
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            accepted.setblocking(False)
            self._taken.add(loop.create_task(loop.connect_accepted_socket(connect, accepted)))


def preload() -> None:
    """Load what uvicorn looks up by name when a worker begins: forked workers share it, 2.7 MB each."""
    uvicorn.Config("", loop="auto", log_config=None).get_loop_factory()


def patience_s(endpoints: Iterable[Endpoint]) -> int:
    """How long what is in flight may take once a worker has closed its port."""
    return math.ceil(max((endpoint.limits.deadline_s for endpoint in endpoints), default=0.0)) + 1


def connection_caps() -> tuple[int, int]:
    """How many connections may be served, and how many more may ask for health, as the open files allow.

    That limit is raised first as far as this process may. Where it stays below what is wanted, all of them shrink.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + MAX_CROWD + SPARE_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MAX_CONNECTIONS, min(MAX_CROWD, MAX_CONNECTIONS)
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    left = soft - min(SPARE_FILES, soft // 2)
    crowd = min(MAX_CROWD, left // 4)
    return max(1, left - crowd), max(1, crowd)
