"""Serving from the command line: bind, warm up, open, announce, drain.

The port is bound before the warm-up, so that a port in use is told at once, and listens only after it. SIGTERM
makes the service unready, lets it accept for `drain_s` more, then finishes what is in flight and exits 0.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import gc
import json
import math
import os
import resource
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType, TracebackType
from typing import NoReturn, Protocol

import uvicorn

from . import logs
from .app import App
from .connection import Connection
from .front import Front
from .metrics import Metrics
from .observer import Observer
from .served import Served
from .settings import StartError

BACKLOG = 2048
MAX_CONNECTIONS = 4096
# Files a worker needs besides its connections, and connections over the cap that may still ask for health.
SPARE_FILES = 64
MAX_CROWD = 256


class Startable(Served, Protocol):
    """A service that is still to be warmed up and observed."""

    observer: Observer

    @property
    def sessions(self) -> Sequence[str]:
        """The sessions' names."""

    def warm_up(self) -> None:
        """Opens every session; raises `StartError`."""


@dataclass(frozen=True, slots=True)
class Options:
    """Where and how long to serve."""

    host: str
    port: int
    drain_s: float
    access_log: float | None


def serve(service: Startable, arguments: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM or SIGINT. What stops the start is one JSON line on stderr and exit code 1."""
    try:
        options = read_options(sys.argv[1:] if arguments is None else arguments)
        listener = bind(options.host, options.port)
        service.warm_up()
    except StartError as error:
        _fail(error)
    except Exception as error:
        _fail(StartError("start_failed", f"warming up failed with {type(error).__name__}: {error}"))
    logs.configure()
    log = logs.AccessLog(options.access_log)
    metrics = Metrics(tuple(service.endpoints), service.sessions)
    service.observer = metrics
    cap = _connection_cap()
    front = Front(service, metrics, log, max_connections=cap, max_crowd=min(MAX_CROWD, cap))
    # What start-up made lives as long as the process: collections need not look at it again.
    gc.collect()
    gc.freeze()
    try:
        _Worker(front, options).run(sockets=[listener])
    except OSError as error:
        _fail(_cannot_bind(options.host, options.port, error))
    finally:
        log.close()


def read_options(arguments: Sequence[str]) -> Options:
    """Options from the command line, else from DAGC_HOST, DAGC_PORT and DAGC_DRAIN_S, else the defaults.

    Raises:
        StartError: `bad_setting`.
    """
    parser = _Parser(description="Serve this service over HTTP.")
    env = os.environ
    parser.add_argument("--host", default=env.get("DAGC_HOST", "127.0.0.1"), help="address to listen on")
    parser.add_argument(
        "--port", default=env.get("DAGC_PORT", "8000"), help="port to listen on; 0 takes a free one"
    )
    wait = env.get("DAGC_DRAIN_S", "5")
    parser.add_argument("--drain-s", default=wait, help="seconds to keep accepting after SIGTERM")
    found = parser.parse_args(arguments)
    port = _number(found.port, "--port", 65535)
    if port != int(port):
        raise StartError("bad_setting", "`--port` must be a whole number")
    drain_s = _number(found.drain_s, "--drain-s", 3600)
    return Options(found.host, int(port), drain_s, logs.read_share(env.get("DAGC_ACCESS_LOG")))


def bind(host: str, port: int) -> socket.socket:
    """A bound socket that does not listen yet: several workers will each bind one of their own.

    Raises:
        StartError: `port_in_use`, `cannot_bind`.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise StartError("cannot_bind", f"`{host}` is not an address of this machine") from None
    listener = socket.socket(family, kind)
    listener.setblocking(False)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _cannot_bind(host, port, error) from None
    return listener


class _Worker(uvicorn.Server):
    """uvicorn's server with our protocol, our drain, and exit code 0 on a signal."""

    def __init__(self, front: Front, options: Options) -> None:
        longest = max((route.deadline_s for route in front.routes.values()), default=0.0)
        config = uvicorn.Config(
            App(front),
            http=partial(Connection, front),  # type: ignore[arg-type]
            loop="auto",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=math.ceil(longest) + 1,
        )
        super().__init__(config)
        self._front = front
        self._options = options
        self._drains_since = 0.0
        self._taken: set[asyncio.Task[object]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then says where."""
        self._front.start(asyncio.get_running_loop())
        await super().startup(sockets)
        self._front.ready = True
        host, port = (sockets or [])[0].getsockname()[:2]
        place = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        print(f"dagc: {self._front.service.name} ready on {place}", flush=True)
        line = {"level": "info", "message": f"listening on {place}", "service": self._front.service.name}
        print(json.dumps(line), file=sys.stderr, flush=True)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begins to drain; a second signal ends that. Unlike uvicorn's, the signal is not raised again."""
        if self._front.draining:
            self.should_exit = True
        self._drains_since = time.monotonic()
        self._front.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Ends the draining in time."""
        drained = self._front.draining and time.monotonic() - self._drains_since >= self._options.drain_s
        self.should_exit = self.should_exit or drained
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes in what waits to be accepted, then closes the port and finishes what is in flight."""
        self._front.stopping = True
        for listener in sockets or ():
            self._take_in(listener)
        await super().shutdown(sockets)

    def _take_in(self, listener: socket.socket) -> None:
        # The kernel resets what it has connected and we have not accepted when the port closes. uvicorn closes it
        # right after this, without giving the loop a turn.
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            accepted.setblocking(False)
            connect = partial(Connection, self._front, self.config, self.server_state, {}, loop)
            self._taken.add(loop.create_task(loop.connect_accepted_socket(connect, accepted)))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One clear line instead of a usage text."""
        raise StartError("bad_setting", message)


def _number(text: str, name: str, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= most:
        raise StartError("bad_setting", f"`{name}` must be a number from 0 to {most:g}, it is `{text[:40]}`")
    return number


def _cannot_bind(host: str, port: int, error: OSError) -> StartError:
    if error.errno == errno.EADDRINUSE:
        message = f"port {port} of {host} is in use; stop what listens there, or take a free port with `--port 0`"
        return StartError("port_in_use", message)
    return StartError("cannot_bind", f"cannot listen on port {port} of {host}: {error.strerror}")


def _connection_cap() -> int:
    """As many connections as the open files allow, after raising that limit as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + MAX_CROWD + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max(1, soft - MAX_CROWD - SPARE_FILES)
    return MAX_CONNECTIONS


def _fail(error: StartError) -> NoReturn:
    print(
        json.dumps({"level": "error", "code": error.code, "message": error.message}), file=sys.stderr, flush=True
    )
    sys.exit(1)


def _explain_start(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    # `Service(__file__)` and its decorators raise before `serve` is called; that is no reason for a traceback.
    if isinstance(error, StartError):
        print(json.dumps({"level": "error", "code": error.code, "message": error.message}), file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _explain_start
