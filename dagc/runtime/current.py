"""The request that a task works for: what it asks of others is asked on its behalf and within its time.

Set for endpoints that wait. Work that no request waits for any more (a challenger's) has none.
"""

import math
import time
from contextvars import ContextVar

from .admission import Ticket

CURRENT: ContextVar[Ticket | None] = ContextVar("dagc_current", default=None)

UNTIL: ContextVar[float] = ContextVar("dagc_until", default=math.inf)
"""When an attempt at a step, or a branch, is given up, on the clock of `time.monotonic`."""


def remaining_s() -> float | None:
    """Seconds until nobody waits for the request, or for this attempt, not below 0; `None`: nobody waits."""
    ticket, until = CURRENT.get(), UNTIL.get()
    if ticket is not None:
        until = min(until, ticket.deadline)
    return None if until == math.inf else max(0.0, until - time.monotonic())
