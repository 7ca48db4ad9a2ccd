"""Lanes whose first request waits for company, as `dagc.batch(..., max_wait_ms=N)` asks: how long, and one alarm.

Most lanes wait for nobody and are not known here.
"""

import asyncio
import contextvars
import time
from collections.abc import Callable, Hashable, Iterable

from .current import remaining_s

MOST_OF_TIME = 0.5
"""The part of what is left of a request's time that it may wait; the rest is for the run and the way back."""


def waits_until(max_wait_s: float) -> float:
    """Until when the request at hand waits for others, on the clock of `time.monotonic`."""
    left_s = remaining_s()
    wait_s = max_wait_s if left_s is None else min(max_wait_s, left_s * MOST_OF_TIME)
    return time.monotonic() + wait_s


class Company:
    """When each lane's patience ends. `wake` is called when that of the first one does."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._until: dict[Hashable, float] = {}
        self._alarm: asyncio.TimerHandle | None = None

    def is_awaited(self, lane: Hashable, now: float) -> bool:
        """Whether the lane waits still."""
        return self._until.get(lane, 0.0) > now

    def expect(self, lane: Hashable, until: float) -> None:
        """A request of the lane waits until then; the least patient one counts."""
        self._until[lane] = min(until, self._until.get(lane, until))

    def expect_no_more(self, lane: Hashable, left: Iterable[float]) -> None:
        """The lane's run begins, or it is empty; `left` is how long those may wait for whom it has no room."""
        self._until.pop(lane, None)
        for until in left:
            self.expect(lane, until)

    def set_alarm(self, now: float) -> None:
        """See that lanes are looked at when the first one's patience ends; call it when a turn is over.

        A lane that waits no longer, but for a thread, is looked at when the thread is free.
        """
        if not self._until:
            return
        until = min((until for until in self._until.values() if until > now), default=None)
        if until is None:
            return
        if self._alarm is not None:
            if self._alarm.when() <= until:
                return
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_at(until, self._ring, context=contextvars.Context())

    def _ring(self) -> None:
        self._alarm = None
        self._wake()
