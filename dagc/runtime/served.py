"""What the front asks of a service: the seam between HTTP and everything behind it.

Protocols, not classes: the front knows nothing of graphs, sessions or batches, and a test serves a constant
through the same seam as a generated service does.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from .access import Access
from .answer import Answer
from .ingress import Ingress
from .trace_context import TraceContext

if TYPE_CHECKING:
    from .oip.joined import Model


class Ticket(Protocol):
    """A request that was accepted and is not answered yet. `request_id` is for its log lines.

    `trace` is the one it is part of, and `arrived` when it came, on the loop's clock.
    """

    request_id: bytes
    trace: TraceContext
    arrived: float

    def cancel(self) -> None:
        """The client is gone: never reply. Safe to call twice and after the reply."""


class Limits(Protocol):
    """What an endpoint accepts before it says no."""

    @property
    def deadline_s(self) -> float:
        """Seconds from the last byte of a request to its answer."""

    @property
    def max_body_bytes(self) -> int:
        """The longest body that is read."""


class Endpoint(Protocol):
    """One graph behind `POST route`."""

    @property
    def name(self) -> str:
        """The graph's name."""

    @property
    def route(self) -> str:
        """`/v1/<graph>`."""

    @property
    def version(self) -> str:
        """The graph's version."""

    @property
    def limits(self) -> Limits:
        """Deadline and caps."""

    @property
    def of_bytes(self) -> "Endpoint | None":
        """The same endpoint for bodies that are the bytes of its one parameter, if it takes such."""

    @property
    def access(self) -> Access | None:
        """Who may use it; `None`: everybody."""

    def accept(self, body: bytes, deadline: float, reply: Callable[[Answer], None]) -> Ticket:
        """The ticket of a request taken in on the event loop.

        `deadline` is a `loop.time()`. `reply` is called exactly once, later, on the same loop and never inside
        `accept`; never once the ticket was cancelled.
        """


class Served(Protocol):
    """A warmed service as the front sees it."""

    @property
    def name(self) -> str:
        """The service's name, for people."""

    @property
    def version(self) -> str:
        """The service's version."""

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """Endpoints by route."""

    @property
    def openapi(self) -> bytes:
        """The OpenAPI document as JSON."""

    @property
    def access(self) -> Access | None:
        """Who may use what is no endpoint, but for health; `None`: everybody."""

    @property
    def models(self) -> "Sequence[Model]":
        """Its graphs that the Open Inference Protocol has a form for."""

    @property
    def lacks(self) -> str | None:
        """Why it cannot serve for the moment, though it was warm, if it cannot."""

    @property
    def app(self) -> Ingress | None:
        """The user's application, to which all other paths belong."""
