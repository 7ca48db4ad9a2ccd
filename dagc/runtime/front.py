"""What all connections of one worker share: routes, ids, the date, the sweep and the writes of a loop turn.

One timer per half second looks after every connection instead of timers per request (0.2 us against 1.6), and the
answers of one loop turn are encoded first and written last, one write per connection.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Protocol

from .access import Access
from .exchange import Route
from .ingress import PREFIX
from .logs import AccessLog
from .metrics import Metrics
from .observer import Watch
from .oip.paths import asked_model, is_inference
from .served import Endpoint, Served
from .wire.frame import CONTENT_TYPE, INTERNAL
from .wire.together import Together

SWEEP_S = 0.5
STOPPING_SWEEP_S = 0.1
# How long an idle connection may still bring a request when the service stops: it may be on its way.
STOP_GRACE_S = 0.25
HEALTH = frozenset(("/live", "/ready", "/v2/health/live", "/v2/health/ready"))
"""Paths that everybody may ask: whoever starts and routes to a service has no key of it."""
METRICS = "/metrics"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a connection may take, in seconds, before it is told so or closed."""

    head_s: float = 5.0
    body_s: float = 10.0
    # Longer than the 60 s of common load balancers, which would otherwise meet a connection we just closed.
    idle_s: float = 75.0
    stall_s: float = 10.0
    linger_s: float = 2.0


class Swept(Protocol):
    """A connection as the front sees it."""

    def flush(self, now: float) -> None:
        """Writes the answers that are due."""

    def sweep(self, now: float) -> None:
        """Closes or refuses what has taken too long."""

    def evict(self) -> None:
        """Goes at once."""


class Front:
    """The shared state. `draining` makes answers close their connections; `stopping` closes idle ones as well."""

    def __init__(
        self,
        service: Served,
        metrics: Metrics,
        log: AccessLog,
        watch: Watch,
        *,
        patience: Patience = Patience(),
        max_connections: int = 4096,
        max_crowd: int = 256,
        open_metrics: bool = False,
    ) -> None:
        self.service = service
        self.metrics = metrics
        self.log = log
        self.patience = patience
        self.max_connections = max_connections
        self.max_crowd = max_crowd
        self.ready = False
        self.draining = False
        self.stopping = False
        self.connections: set[Swept] = set()
        self._crowd: dict[Swept, None] = {}
        self.next_id = _ids()
        self.routes = {path.encode(): self._route(path, endpoint) for path, endpoint in service.endpoints.items()}
        largest = max((route.max_body_bytes for route in self.routes.values()), default=0)
        largest = max([largest, *(model.inference.max_body_bytes for model in service.models)])
        known = (metrics.meters["other"], self.next_id)
        self.other = Route("other", None, 0.0, largest, *known)
        size = 0 if service.app is None else service.app.max_body_bytes
        self._users = Route("app", None, 0.0, size, *known) if size else None
        self.guarded = service.access is not None or (service.app is not None and service.app.access is not None)
        self.open = HEALTH | {METRICS} if open_metrics else HEALTH
        at = PREFIX if service.app is not None else ""
        self.pages = {METRICS, *HEALTH, *(f"{at}{name}" for name in ("/", "/openapi.json", "/docs"))}
        self.date = _date_line()
        # Connections with an answer to write; the first of a loop turn calls `flush_soon`.
        self.due: list[Swept] = []
        self._watch = watch
        watch.at_end.append(self._flush)
        self._loop: asyncio.AbstractEventLoop | None = None

    def users(self, path: str) -> Route:
        """The route of a path that is the user's application's, if there is one, else `other`."""
        if self._users is None or path in self.pages or path.encode(errors="replace") in self.routes:
            return self.other
        return self.other if self.service.models and is_inference(path) else self._users

    def access(self, path: str) -> Access | None:
        """Who may use a path, decoded, by whatever method; `None`: everybody."""
        if path in self.open:
            return None
        route = self.routes.get(path.encode(errors="replace"))
        if route is not None:
            return route.access
        if self.service.models and is_inference(path):
            model = asked_model(path, self.service.models)
            return self.service.access if model is None else model.access
        if self.service.app is not None and path not in self.pages:
            return self.service.app.access
        return self.service.access

    @property
    def why_not_ready(self) -> str | None:
        """Why nobody should ask this worker now, if so."""
        if self.draining:
            return "draining"
        return self.service.lacks if self.ready else "not warmed up yet"

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to sweep on this loop."""
        self._loop = loop
        self._sweep()

    def join(self, connection: Swept) -> bool:
        """Counts a connection in; true when it is one too many and may only ask for health.

        Health is never blocked: of those over the cap the oldest goes when one more comes.
        """
        self.connections.add(connection)
        if len(self.connections) - len(self._crowd) <= self.max_connections:
            return False
        self._crowd[connection] = None
        if len(self._crowd) > self.max_crowd:
            next(iter(self._crowd)).evict()
        return True

    def leave(self, connection: Swept) -> None:
        """Counts a connection out."""
        self.connections.discard(connection)
        self._crowd.pop(connection, None)

    def flush_soon(self) -> None:
        """Flushes what is `due` at the end of this loop turn, once everybody's answers are there."""
        if self._loop is not None and not self._watch.turning:
            self._loop.call_soon(self._flush)

    def _route(self, path: str, endpoint: Endpoint) -> Route:
        limits = endpoint.limits
        meter = self.metrics.meters[path]
        known = (limits.deadline_s, limits.max_body_bytes, meter, self.next_id)
        of_bytes = Route(path, endpoint.of_bytes, *known) if endpoint.of_bytes is not None else None
        if path.startswith(INTERNAL):
            return Route(path, Together(endpoint), *known, None, endpoint.access, CONTENT_TYPE)
        return Route(path, endpoint, *known, of_bytes, endpoint.access)

    def _flush(self) -> None:
        if not self.due:
            return
        due, self.due = self.due, []
        now = time.monotonic()
        for connection in due:
            connection.flush(now)

    def _sweep(self) -> None:
        now = time.monotonic()
        self.date = _date_line()
        for connection in tuple(self.connections):
            connection.sweep(now)
        self.log.flush()
        if self._loop is not None:
            self._loop.call_later(STOPPING_SWEEP_S if self.stopping else SWEEP_S, self._sweep)


def _date_line() -> bytes:
    return b"date: %b\r\n" % formatdate(usegmt=True).encode()


def _ids() -> Callable[[], bytes]:
    """Draws ids: unique in the life of this process, unlikely to meet another's; iterators of C cost 0.1 us."""
    boot = os.urandom(6).hex().encode()
    return map((boot + b"-%x").__mod__, itertools.count(1)).__next__
