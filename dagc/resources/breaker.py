"""A circuit breaker: after several failures in a row nobody asks for a while, then one asks for all.

Closed, open, half open as in Nygard, "Release It!". Only a service has breakers; a plain call always asks.
"""

import time
from collections.abc import Callable

CLOSED, HALF_OPEN, OPEN = 0, 1, 2

FAILURES = 5
"""In a row. Fewer would cut off a dependency that one restarted server of several made fail."""
REST_S = 2.0
"""From the last failure to the next trial: what comes back is asked again within 10 s, slow trials included."""


class Breaker:
    """Whether a resource is asked. `tell` hears each new state."""

    def __init__(self, tell: Callable[[int], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._failures = 0
        self._opened = 0.0
        self._on_trial = False
        self.state = CLOSED

    def allows(self) -> bool:
        """Whether this call may be made; each call that may is followed by one of the three below."""
        if self.state == CLOSED:
            return True
        if self._on_trial or self._clock() - self._opened < REST_S:
            return False
        self._on_trial = True
        self._become(HALF_OPEN)
        return True

    def succeeded(self) -> None:
        """The resource has answered, whatever it said."""
        self._failures = 0
        self._on_trial = False
        if self.state != CLOSED:
            self._become(CLOSED)

    def failed(self) -> None:
        """It has not."""
        self._failures += 1
        if self.state == HALF_OPEN or (self.state == CLOSED and self._failures >= FAILURES):
            self._on_trial = False
            self._opened = self._clock()
            self._become(OPEN)

    def given_up(self) -> None:
        """Nobody waits for the answer any more: that says nothing of the resource."""
        if self.state == HALF_OPEN:
            self._on_trial = False

    def _become(self, state: int) -> None:
        self.state = state
        self._tell(state)
