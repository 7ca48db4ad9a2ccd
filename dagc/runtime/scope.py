"""What one request has besides its values: who is told of it, what stood in for what, and work for afterwards.

Only endpoints with branches beside each other have it (service.json: `nodes`); the others pay nothing for it.
"""

import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field

from .answer import Answer
from .glue import Coding
from .observer import Watch

HEADER = b"x-dagc-degraded"
MOST_NAMED = 16
"""Nodes that the header names; a request of many items may have more."""

LOGGED_EVERY = 100

_LOG = logging.getLogger("dagc.runtime")
_seen: Counter[tuple[str, str]] = Counter()
"""How often each node failed in each way."""

Branch = Callable[[], Coroutine[object, object, object]]
"""A function of main.py's own without parameters."""


@dataclass(slots=True)
class Scope:
    """One request's own. `afterwards` is begun when its answer has been made."""

    watch: Watch
    request_id: Callable[[], str]
    degraded: dict[str, None] = field(default_factory=dict)
    afterwards: list[Callable[[], None]] = field(default_factory=list)

    def fell_back(self, node: str, error: BaseException) -> None:
        """A backup answers at `node`, which failed so. The first such failure is logged, and every 100th."""
        self.degraded[node] = None
        self.watch.observer.event("dagc_fallbacks_total", node)
        kind = type(error).__name__
        _seen[node, kind] += 1
        if _seen[node, kind] % LOGGED_EVERY == 1:
            text = "`%s` failed and its backup answered, request `%s`; %d times so far"
            _LOG.warning(text, node, self.request_id(), _seen[node, kind], exc_info=error)

    def counted(self, node: str, answered: int, members: int) -> None:
        """So many members of the quorum at `node` have answered."""
        if answered < members:
            self.degraded[f"{node}={answered}/{members}"] = None
        self.watch.observer.event("dagc_quorum_total", node, str(answered))


SCOPE: ContextVar[Scope] = ContextVar("dagc_scope")
"""The scope of the request that is being driven; tasks and items made for it see it too."""


@dataclass(frozen=True, slots=True)
class Flagged:
    """A result that something stood in for."""

    value: object
    degraded: tuple[str, ...]


async def scoped(
    function: Callable[..., Coroutine[object, object, object]], given: tuple[object, ...], scope: Scope
) -> object:
    """What the function returns, `Flagged` where it is degraded."""
    SCOPE.set(scope)
    value = await function(*given)
    for begin in scope.afterwards:
        begin()
    return Flagged(value, tuple(scope.degraded)) if scope.degraded else value


class FlaggingCodec:
    """A codec whose answers say in a header what stood in for what."""

    def __init__(self, codec: Coding) -> None:
        self._codec = codec
        self.decode = codec.decode

    def encode(self, value: object) -> Answer:
        """See `Codec`."""
        if type(value) is not Flagged:
            return self._codec.encode(value)
        answer = self._codec.encode(value.value)
        text = ", ".join(value.degraded[:MOST_NAMED]).encode("ascii", "backslashreplace")
        return answer._replace(headers=(*answer.headers, (HEADER, text)))
