"""How many examples of a heavy session share a run: learned from what runs cost, since it differs by model.

A transformer reads its weights once for the whole batch and gains; the convolutions of a detector outgrow the
caches and lose (PP-OCR's: 131 ms a page alone, 186 in a batch of eight). Sizes double as long as an example gets
cheaper, as in TCP's slow start.
"""

from math import prod

GAIN = 0.95
"""A larger run must cost an example less than this part of what it costs in half the size."""
_MEMORY = 0.7
"""The weight of what is known against a new measurement: one run that was held up changes little."""
_TRY_AGAIN = 64
"""Runs after which the next larger size gets another chance."""


class BatchSize:
    """The size of one session's runs, at most `most`."""

    __slots__ = ("_cost", "_most", "_runs")

    def __init__(self, most: int) -> None:
        self._most = most
        self._cost: dict[int, float] = {}
        self._runs = 0

    def of(self, waiting: int) -> int:
        """How many of `waiting` examples the next run takes."""
        size = 1
        while size < waiting and size < self._most and self._is_worth(2 * size):
            size *= 2
        return min(size, waiting, self._most)

    def took(self, shapes: tuple[tuple[int, ...], ...], count: int, seconds: float) -> None:
        """A run of `count` examples of these shapes took so long; wide ones may cost more than narrow ones."""
        bucket = 1 << (count - 1).bit_length()
        cost = seconds / count / (sum(map(prod, shapes)) or 1)
        self._cost[bucket] = _MEMORY * self._cost[bucket] + (1 - _MEMORY) * cost if bucket in self._cost else cost
        self._runs += 1
        if self._runs % _TRY_AGAIN == 0:
            self._forget_refused()

    def _is_worth(self, size: int) -> bool:
        """Whether runs of `size` are better than of half of it, or still to be tried."""
        half, whole = self._cost.get(size // 2), self._cost.get(size)
        return half is not None and (whole is None or whole <= GAIN * half)

    def _forget_refused(self) -> None:
        refused = next((size for size in sorted(self._cost) if size > 1 and not self._is_worth(size)), None)
        self._cost = {size: cost for size, cost in self._cost.items() if refused is None or size < refused}
