"""A circuit breaker: after several failures in a row nobody asks for a while, then one call asks for all.

Closed, open, half open as in Nygard, "Release It!".
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

CLOSED, HALF_OPEN, OPEN = 0, 1, 2

FAILURES = 5
"""In a row. Fewer would cut off a dependency that one restarted server of several made fail."""


@dataclass(slots=True)
class Breaker:
    """Whether a service or a resource is asked. `tell` hears new states.

    Open, `rest_s` pass before a trial. It opens only if nothing has succeeded for `moment_s` either.
    """

    tell: Callable[[int], None]
    rest_s: float
    moment_s: float = 0.0
    clock: Callable[[], float] = time.monotonic
    state: int = CLOSED
    _failures: int = 0
    _until: float = 0.0
    _succeeded_at: float = -math.inf

    def allows(self) -> bool:
        """Whether a call may be made now; half open only one may, until it is known what came of it."""
        if self.state == CLOSED:
            return True
        now = self.clock()
        if now < self._until:
            return False
        # A trial that never says what came of it must not keep the breaker for ever.
        self._until = now + self.rest_s
        self._become(HALF_OPEN)
        return True

    def succeeded(self) -> None:
        """It has answered, whatever it said."""
        self._failures = 0
        self._succeeded_at = self.clock()
        self._become(CLOSED)

    def failed(self) -> None:
        """It has not. Calls that were made before it opened, and fail later, change nothing."""
        self._failures += 1
        now = self.clock()
        in_a_row = self._failures >= FAILURES and now >= self._succeeded_at + self.moment_s
        if self.state == HALF_OPEN or (self.state == CLOSED and in_a_row):
            self._until = now + self.rest_s
            self._become(OPEN)

    def given_up(self) -> None:
        """Nobody waits for the answer any more, which says nothing of it: the next call may be the trial."""
        if self.state == HALF_OPEN:
            self._until = 0.0

    def _become(self, state: int) -> None:
        if state != self.state:
            self.state = state
            self.tell(state)
