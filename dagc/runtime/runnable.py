"""What the batcher runs for several requests at once: sessions of models, and the user's steps of lists."""

from collections.abc import Hashable, Sequence
from typing import Protocol

from .executor import Executor


class Runnable(Protocol):
    """One thing to run; `name` is for metrics."""

    name: str
    max_batch: int
    max_wait_s: float
    """How long the first example of a run waits for company."""
    is_heavy: bool
    """Whether a run takes so long that the loop must not wait for it."""
    is_step: bool
    """Whether what it raises is the user's own, and reaches the request as it is."""
    executor: Executor | None
    """The threads of its heavy runs, where they are not the batcher's own."""

    def lane(self, example: tuple[object, ...]) -> Hashable:
        """What examples must have equal to share a run."""

    def size(self, waiting: int) -> int:
        """How many of `waiting` examples the next run in a thread takes."""

    def run(self, examples: Sequence[tuple[object, ...]]) -> list[object]:
        """The results of each example, in order; raises for all of them at once."""

    def took(self, seconds: float) -> None:
        """A run of one batch on the loop took so long."""

    def learn(self, example: tuple[object, ...], count: int, seconds: float) -> None:
        """A heavy run of `count` examples like this one took so long."""


class WrongLength(RuntimeError):
    """A step of lists returned another number of results: nobody knows whose they are."""

    def __init__(self, items: int, found: str) -> None:
        super().__init__(items, found)

    def __str__(self) -> str:
        return f"a step with `batch=True` was given {self.args[0]} items and returned {self.args[1]}"
