"""When a service is left alone: after some failures in a row, for a while, then one request tries it.

Calls that fail together (a message of many, an instance that dies) are many in a row while another instance
answers well: so nothing may have succeeded for a moment, too.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

FAILURES = 5
MOMENT_S = 0.1
OPEN_S = 1.0
CLOSED, HALF_OPEN, OPEN = 0, 1, 2


@dataclass(slots=True)
class Breaker:
    """Of one edge; `tell` is called with each new state."""

    tell: Callable[[int], None]
    state: int = CLOSED
    _failures: int = 0
    _until: float = 0.0
    _succeeded_at: float = -math.inf

    def allows(self) -> bool:
        """Whether a request may be sent now; half open only one may, until it is known what came of it."""
        if self.state == CLOSED:
            return True
        if time.monotonic() < self._until:
            return False
        # One that never says what came of it (its request was cancelled) must not keep the breaker for ever.
        self._until = time.monotonic() + OPEN_S
        self._become(HALF_OPEN)
        return True

    def succeeded(self) -> None:
        """The service has answered, whatever it said."""
        self._failures = 0
        self._succeeded_at = time.monotonic()
        self._become(CLOSED)

    def failed(self) -> None:
        """It has not."""
        self._failures += 1
        now = time.monotonic()
        if self.state == HALF_OPEN or (self._failures >= FAILURES and now > self._succeeded_at + MOMENT_S):
            self._until = now + OPEN_S
            self._become(OPEN)

    def _become(self, state: int) -> None:
        if state != self.state:
            self.state = state
            self.tell(state)
