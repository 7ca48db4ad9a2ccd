"""What a service gives the resources of its steps: settings, the time that is left, and who watches their calls.

The classes themselves lie in the user's `dagc`; this library knows them by what they do.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from .breaker import HALF_OPEN, Breaker
from .current import CURRENT, remaining_s
from .events import Event
from .observer import Watch
from .secrets import setting
from .settings import StartError
from .traces import span, trace_context

_LOG = logging.getLogger("dagc.runtime")

OPERATIONS: Mapping[str, Sequence[str]] = {
    "sql": ("one", "all", "execute", "begin", "commit"),
    "keyvalue": ("get", "get_many", "put", "delete"),
    "http": ("get", "post"),
}
REST_S = 2.0
"""Without calls of one that failed: what comes back is asked again within 10 s, slow trials included."""
FAILURES = ("unavailable", "timeout", "refused", "garbled")
SECONDS, FAILED, STATE = "dagc_resource_seconds", "dagc_resource_failures_total", "dagc_breaker_state"


class Resource(Protocol):
    """A database, a key-value store or another service, as the user's file declares it."""

    setting: str

    @property
    def kind(self) -> str:
        """`sql`, `keyvalue` or `http`."""

    def settle(self, surroundings: "Surroundings") -> bool:
        """Whether its setting is given; raises ValueError where its URL cannot be used."""

    async def open(self) -> str | None:
        """Why it does not answer now, if it does not."""


class Surroundings:
    """What resources know of the service."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def setting(self, name: str) -> str | None:
        """The value of a setting."""
        return setting(name)

    def remaining_s(self) -> float | None:
        """Seconds until nobody waits for the answer any more."""
        return remaining_s()

    def passed_on(self) -> Mapping[str, str]:
        """Headers for a service that is asked on behalf of the current request."""
        headers: dict[str, str] = {}
        ticket, left_s = CURRENT.get(), remaining_s()
        if ticket is not None and ticket.request_id:
            headers["x-request-id"] = ticket.request_id.decode("latin-1")
        if left_s is not None:
            headers["x-request-timeout-ms"] = str(max(1, int(1000 * left_s)))
        return headers | trace_context().headers()

    @contextmanager
    def call(self, resource: str, operation: str) -> Iterator[None]:
        """Time a call, count its failure, and show it as a span."""
        observer, begun = self._watch.observer, time.perf_counter()
        try:
            with span(f"{resource} {operation}", **{"dagc.resource": resource, "dagc.operation": operation}):
                yield
        except Exception as error:
            kind = next((k for k in FAILURES if type(error).__name__ == f"Resource{k.capitalize()}"), None)
            if kind is not None:
                observer.event(FAILED, resource, kind)
                _LOG.info("%s", error)
            raise
        finally:
            observer.took(SECONDS, time.perf_counter() - begun, resource, operation)

    def breaker(self, resource: str) -> Breaker:
        """The breaker of a resource, whose states are shown and logged."""
        return Breaker(partial(self._tell, resource), REST_S)

    def _tell(self, resource: str, state: int) -> None:
        self._watch.observer.stands(STATE, state, resource)
        if state != HALF_OPEN:
            says = "failed several times in a row and is left alone" if state else "answers again"
            _LOG.warning("`%s` %s", resource, says)


class Resources:
    """The resources of one service's steps, once each."""

    def __init__(self, watch: Watch) -> None:
        self._surroundings = Surroundings(watch)
        self._declared: dict[int, Resource] = {}
        self._embedded: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, resource: Resource) -> None:
        """One that main.py names."""
        self._declared[id(resource)] = resource

    @property
    def events(self) -> tuple[Event, ...]:
        """What of them is counted and timed."""
        found: list[Event] = []
        for each in self._declared.values():
            found += [(SECONDS, each.setting, operation) for operation in OPERATIONS[each.kind]]
            found += [(FAILED, each.setting, kind) for kind in FAILURES]
            found.append((STATE, each.setting))
        return tuple(dict.fromkeys(found))

    def settle(self) -> None:
        """Look at every URL and load every driver; nothing is connected, since forks follow.

        Raises:
            StartError: `resource`, a URL is missing or cannot be used; `setting`.
        """
        for each in self._declared.values():
            try:
                if not each.settle(self._surroundings):
                    self._embedded.append(each.setting)
            except ValueError as error:
                raise StartError("resource", f"`{each.setting}`: {error}") from None

    def open(self) -> None:
        """On the loop of a worker: see whether each answers. One that does not is no reason not to serve."""
        for name in self._embedded:
            _LOG.warning("`%s` is not set: its embedded default is used", name)
        for each in self._declared.values():
            task = asyncio.get_running_loop().create_task(_asked(each))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _asked(resource: Resource) -> None:
    reason = await resource.open()
    if reason is not None:
        _LOG.warning("`%s` does not answer: %s", resource.setting, reason)
