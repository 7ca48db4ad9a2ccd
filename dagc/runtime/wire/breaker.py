"""When a service is left alone: after some failures in a row, for a while, then one request tries it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

FAILURES = 5
OPEN_S = 1.0
CLOSED, HALF_OPEN, OPEN = 0, 1, 2


@dataclass(slots=True)
class Breaker:
    """Of one edge; `tell` is called with each new state."""

    tell: Callable[[int], None]
    state: int = CLOSED
    _failures: int = 0
    _until: float = 0.0

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
        self._become(CLOSED)

    def failed(self) -> None:
        """It has not."""
        self._failures += 1
        if self._failures >= FAILURES or self.state == HALF_OPEN:
            self._until = time.monotonic() + OPEN_S
            self._become(OPEN)

    def _become(self, state: int) -> None:
        if state != self.state:
            self.state = state
            self.tell(state)
