"""Steps with a time for each attempt, further attempts from a budget, and something that stands in for them.

The numbers stand in service.json, so that a person can change them without reading code.
"""

import asyncio
import functools
import random
from collections.abc import Callable, Coroutine
from typing import cast

from .observer import Watch
from .retry_budget import RetryBudget
from .scope import SCOPE
from .settings import GuardSettings
from .standing import in_time, is_refusal

Step = Callable[..., object]
Waiting = Callable[..., Coroutine[object, object, object]]

LONGEST_PAUSE_S = 0.02
"""Before a further attempt, drawn anew each time, so that callers that failed together come back apart."""


def guarded(step: Step, settings: GuardSettings, fallback: Callable[[], object] | None, watch: Watch) -> Step:
    """The step with its guard, under its own name; an async one stays async, one without options what it is."""
    if (settings.timeout_s, settings.retries, fallback) == (None, 0, None):
        return step
    node = settings.step.rpartition(".")[2]

    @functools.wraps(step)
    def call(*given: object, **named: object) -> object:
        try:
            return step(*given, **named)
        except (Exception, SystemExit) as error:
            if fallback is None or is_refusal(error):
                raise
            SCOPE.get().fell_back(node, error)
        return fallback()

    attempts = _Attempts(cast(Waiting, step), settings, watch)

    @functools.wraps(step)
    async def wait(*given: object, **named: object) -> object:
        try:
            return await attempts.result(given, named)
        except (Exception, SystemExit) as error:
            if fallback is None or is_refusal(error):
                raise
            SCOPE.get().fell_back(node, error)
        return fallback()

    return wait if asyncio.iscoroutinefunction(step) else call


class _Attempts:
    """A step's attempts, and the budget of its second ones, which all requests share."""

    def __init__(self, step: Waiting, settings: GuardSettings, watch: Watch) -> None:
        self._step = step
        self._settings = settings
        self._watch = watch
        self._budget = RetryBudget()

    async def result(self, given: tuple[object, ...], named: dict[str, object]) -> object:
        """What the step returns; its last failure is raised."""
        self._budget.earn()
        attempt = 0
        while True:
            try:
                found = await self._attempt(given, named, pauses=attempt > 0)
            except (Exception, SystemExit) as error:
                self._tell(attempt, "failed")
                if is_refusal(error) or not self._may_try_again(attempt):
                    raise
                attempt += 1
            else:
                self._tell(attempt, "answered")
                return found

    async def _attempt(self, given: tuple[object, ...], named: dict[str, object], *, pauses: bool) -> object:
        """One attempt; a pause before it is part of its time, so that all take no longer than was reckoned."""
        timeout_s = self._settings.timeout_s
        longest_s = min(LONGEST_PAUSE_S, (timeout_s or 1.0) / 4)
        made = (
            self._paused(given, named, random.uniform(0.0, longest_s)) if pauses else self._step(*given, **named)
        )
        return await (made if timeout_s is None else in_time(made, timeout_s))

    async def _paused(self, given: tuple[object, ...], named: dict[str, object], pause_s: float) -> object:
        await asyncio.sleep(pause_s)
        return await self._step(*given, **named)

    def _may_try_again(self, attempt: int) -> bool:
        if attempt == self._settings.retries:
            return False
        if not self._budget.spend():
            self._watch.observer.event("dagc_retries_total", self._settings.step, "over_budget")
            return False
        return True

    def _tell(self, attempt: int, outcome: str) -> None:
        """Count what came of an attempt, if it was not the first."""
        if attempt > 0:
            self._watch.observer.event("dagc_retries_total", self._settings.step, outcome)
