"""How long the user's plain steps take while a build runs them anyway."""

import functools
import inspect
import statistics
import time
from collections.abc import Callable, Mapping

from dagc.evaluate.evaluate import Steps

FEWEST = 3
"""Calls before anything is said of a step: the first may import or load something."""


class StepTimes:
    """The seconds of each call of each step that is not async."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], list[float]] = {}

    def timed(self, steps: Steps) -> Steps:
        """The same steps, each call of which is noted."""
        return {key: self._timed(key, step) for key, step in steps.items()}

    def medians_s(self) -> Mapping[tuple[str, str], float]:
        """The median of each step that was called often enough."""
        return {key: statistics.median(found) for key, found in self._seconds.items() if len(found) >= FEWEST}

    def _timed(self, key: tuple[str, str], step: Callable[..., object]) -> Callable[..., object]:
        if inspect.iscoroutinefunction(step):
            return step

        @functools.wraps(step, updated=())
        def call(*given: object, **named: object) -> object:
            """The step, timed."""
            begun = time.perf_counter()
            found = step(*given, **named)
            self._seconds.setdefault(key, []).append(time.perf_counter() - begun)
            return found

        return call
