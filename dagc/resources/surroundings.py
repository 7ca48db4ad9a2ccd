"""What a resource knows of where it is used: settings, the time that is left, and who watches its calls.

A built service gives each resource its own; a plain call of a step has the environment and no deadline.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Protocol

_embedded: ContextVar[bool] = ContextVar("dagc_embedded", default=False)


class Breaker(Protocol):
    """Whether a resource that failed is asked: a circuit breaker."""

    def allows(self) -> bool:
        """Whether this call may be made; each call that may is followed by one of the three below."""

    def succeeded(self) -> None:
        """The resource has answered, whatever it said."""

    def failed(self) -> None:
        """It has not."""

    def given_up(self) -> None:
        """Nobody waits for the answer any more: that says nothing of the resource."""


class Surroundings(Protocol):
    """What a service gives its resources."""

    def setting(self, name: str) -> str | None:
        """The value of a setting."""

    def remaining_s(self) -> float | None:
        """Seconds until nobody waits for the answer any more; `None` where no request waits."""

    def passed_on(self) -> Mapping[str, str]:
        """Headers that tell another service on whose behalf it is asked."""

    def call(self, resource: str, operation: str) -> AbstractContextManager[None]:
        """Around each call: it is measured, and an exception that leaves it is counted."""

    def breaker(self, resource: str) -> Breaker | None:
        """Who says whether a resource is asked; `None`: it always is."""


class Alone:
    """A plain call outside of any service."""

    def setting(self, name: str) -> str | None:
        """The environment variable, unless only embedded defaults count."""
        return None if _embedded.get() else os.environ.get(name) or None

    def remaining_s(self) -> float | None:
        """No deadline."""
        return None

    def passed_on(self) -> Mapping[str, str]:
        """Nothing."""
        return {}

    def call(self, resource: str, operation: str) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()

    def breaker(self, resource: str) -> Breaker | None:
        """None."""


@contextmanager
def embedded_only() -> Iterator[None]:
    """Plain calls inside use embedded defaults, whatever the environment says: a build asks no server."""
    token = _embedded.set(True)
    try:
        yield
    finally:
        _embedded.reset(token)
