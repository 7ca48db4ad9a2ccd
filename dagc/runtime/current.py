"""The request that a task works for: what it asks of others is asked on its behalf and within its time.

Set for endpoints that wait. Work that no request waits for any more (a challenger's) has none.
"""

import time
from contextvars import ContextVar

from .admission import Ticket

CURRENT: ContextVar[Ticket | None] = ContextVar("dagc_current", default=None)


def remaining_s() -> float | None:
    """Seconds until the request's deadline, not below 0; `None` where no request waits."""
    ticket = CURRENT.get()
    return None if ticket is None else max(0.0, ticket.deadline - time.monotonic())
