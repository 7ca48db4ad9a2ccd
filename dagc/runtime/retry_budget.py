"""A budget of second attempts: where a dependency is down, trying again must not double its load."""

EARNED = 0.1
"""Second attempts for each call."""
MOST_SAVED = 10.0


class RetryBudget:
    """What all calls of a step, or of an edge, have together; full at first."""

    def __init__(self) -> None:
        self._saved = MOST_SAVED

    def earn(self) -> None:
        """A call was made."""
        self._saved = min(MOST_SAVED, self._saved + EARNED)

    def spend(self) -> bool:
        """Whether there is enough for a second attempt, which is then taken from it."""
        if self._saved < 1.0:
            return False
        self._saved -= 1.0
        return True
