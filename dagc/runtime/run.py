"""Serving from the command line: bind, warm up, open, announce.

The port is bound before the warm-up, so that a port in use is told at once, and listens only after it. One worker
is this process itself; several have it as their supervisor.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, Protocol

from . import logs, on_demand, traces
from .events import Event
from .front import Front
from .grpc_port import grpc_listeners, grpc_port
from .guest import Guest
from .listening import bind, cannot_bind
from .memory_limit import give_back, keep_within_memory
from .metrics import Metrics
from .observer import Watch
from .options import Options, read_options
from .served import Served
from .settings import StartError
from .worker import Worker, connection_caps, patience_s, preload
from .workers import Seat, Supervisor, exec_worker, why_not_fork

if TYPE_CHECKING:
    from .otlp import Exporter


COLLECTED_AFTER = (700, 20, 50)
"""Objects more, then collections, until the next generation's. Python's own are 700, 10 and 10: everything is
looked at again and again, 30 % of the time with a thousand requests in flight, and 9 % so. A first number of
10,000 saves no more, and costs a worker 1.7 MB."""


class Startable(Served, Protocol):
    """A service that is still to be warmed up and observed."""

    watch: Watch

    @property
    def sessions(self) -> Sequence[str]:
        """The sessions' names."""

    @property
    def parts(self) -> Sequence[str]:
        """What else of it is timed."""

    @property
    def events(self) -> Sequence[Event]:
        """What of it is counted besides."""

    def share_cpus(self, workers: int) -> None:
        """So many processes will serve it."""

    def watch_models(self) -> None:
        """From now on its models that may be replaced are; raises `StartError`."""

    def begin(self) -> None:
        """The loop of this process runs: what is opened on it may be."""

    def trace(self, exporter: Exporter) -> None:
        """From now on its requests have spans."""

    @property
    def is_stuck(self) -> bool:
        """Whether a thread of it may never end."""

    def why_not_fork(self) -> str | None:
        """What of it a fork would not copy once it is warm, if anything."""

    def warm_up(self) -> None:
        """Opens every session; raises `StartError`."""


def serve(service: Startable, arguments: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM or SIGINT. What stops the start is one JSON line on stderr and exit code 1."""
    _fill_standard_numbers()
    try:
        options = read_options(sys.argv[1:] if arguments is None else arguments)
        keep_within_memory()
        seat = Seat.taken()
        if seat is not None:
            _serve_started(service, options, seat)
        elif options.workers == 1:
            _serve_alone(service, options)
        else:
            _supervise(service, options)
    except StartError as error:
        _fail(error)


def _fill_standard_numbers() -> None:
    """Have 0, 1 and 2 lead nowhere where they are closed: else a socket gets such a number, and libuv aborts."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)


def _serve_alone(service: Startable, options: Options) -> None:
    listener = bind(options.host, options.port)[0]
    grpc = next(iter(grpc_listeners(service, options.host, options.grpc_port, 1)), None)
    seat = Seat(0, listener, -1, -1, grpc)
    _warm_up(service)
    metrics = Metrics(*_named(service))
    _work(service, options, metrics, seat, partial(_announce, service, listener, grpc), supervised=False)
    if service.is_stuck:  # Python would wait for the thread
        os._exit(0)


def _serve_started(service: Startable, options: Options, seat: Seat) -> None:
    """One of several workers that start by themselves."""
    _warm_up(service)
    metrics = _shared_metrics(service, options, seat.memory)
    _serve_forked(service, options, metrics, seat)


def _serve_forked(service: Startable, options: Options, metrics: Metrics, seat: Seat) -> None:
    metrics.take(seat.number)
    _work(service, options, metrics, seat, seat.ready, supervised=True)


def _supervise(service: Startable, options: Options) -> None:
    listeners = bind(options.host, options.port, options.workers)
    grpc = grpc_listeners(service, options.host, options.grpc_port, options.workers)
    grpc_port(grpc[0] if grpc else None)  # what it loads is shared by those that are forked
    why_not = service.why_not_fork() or why_not_fork((*listeners, *grpc))
    if why_not is None:
        _warm_up(service)
    else:
        logs.tell("info", f"each worker loads the service by itself: {why_not}")
    memory = os.memfd_create("dagc-metrics")
    metrics = _shared_metrics(service, options, memory)
    begin = partial(_serve_forked, service, options, metrics) if why_not is None else exec_worker
    announce = partial(_announce, service, listeners[0], grpc[0] if grpc else None)
    patience = options.drain_s + patience_s(service.endpoints.values())
    sys.exit(Supervisor(listeners, metrics, memory, begin, announce, patience, grpc).run())


def _shared_metrics(service: Startable, options: Options, memory: int) -> Metrics:
    return Metrics(*_named(service), workers=options.workers, memory=memory)


def _named(service: Startable) -> tuple[Sequence[str], Sequence[str], Sequence[str], Sequence[Event]]:
    """What metrics have series of: routes, sessions, other parts and events."""
    models = [route for model in service.models for route in (model.rest_route, model.grpc_route)]
    return (*service.endpoints, *models), service.sessions, service.parts, service.events


def _warm_up(service: Startable) -> None:
    try:
        service.warm_up()
    except StartError:
        raise
    except Exception as error:
        raise StartError("start_failed", f"warming up failed with {type(error).__name__}: {error}") from error
    preload()
    # What start-up made lives as long as the process: collections need not look at it, and so not copy it, again.
    gc.collect()
    give_back()
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)


def _work(
    service: Startable,
    options: Options,
    metrics: Metrics,
    seat: Seat,
    announce: Callable[[], None],
    *,
    supervised: bool,
) -> None:
    """Serves in this process until it has drained: its own port, and the sockets that a door lends."""
    log = logs.AccessLog(options.access_log)
    logs.configure(log)
    service.watch.observer = metrics
    service.share_cpus(options.workers)
    service.watch_models()
    connections, crowd = connection_caps()
    front = Front(
        service,
        metrics,
        log,
        service.watch,
        max_connections=connections,
        max_crowd=crowd,
        open_metrics=options.open_metrics,
    )
    try:
        begun = _both(service.begin, announce)
        door = Guest.of("DAGC_DOOR", seat.number, options.workers)
        grpc = grpc_port(seat.grpc, seat.number, options.workers)
        worker = Worker(front, options.drain_s, begun, supervised=supervised, door=door, grpc=grpc)
        with on_demand.exporting(service) if traces.asked_for() else nullcontext():
            worker.run(sockets=[seat.listener])
    except OSError as error:
        raise cannot_bind(options.host, options.port, error) from error
    finally:
        log.close()


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        first()
        second()

    return call


def _announce(service: Startable, listener: socket.socket, grpc: socket.socket | None) -> None:
    """The one line that says that the service is ready, and where; one more for gRPC."""
    place = f"http://{_address(listener)}"
    logs.write(f"dagc: {service.name} ready on {place}\n", sys.stdout)
    if grpc is not None:
        logs.write(f"dagc: {service.name} answers gRPC on {_address(grpc)}\n", sys.stdout)
    logs.tell("info", f"listening on {place}", service=service.name)


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _fail(error: StartError) -> NoReturn:
    logs.tell("error", error.message, code=error.code)
    sys.exit(1)


def _explain_start(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    # `Service(__file__)` and its decorators raise before `serve` is called; that is no reason for a traceback.
    if isinstance(error, StartError):
        logs.tell("error", error.message, code=error.code)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _explain_start
