"""What the runtime tells the metrics: few calls, most once per loop turn, since each costs every request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

TURN = "turn"
"""The queue of requests that wait for the loop's next turn; the others are called as their sessions."""


class Observer(Protocol):
    """Counts what happens. Calls come on the event loop, must not raise and must take under a microsecond."""

    def in_flight(self, change: int) -> None:
        """So many more (or fewer) requests are accepted and unanswered; told once per loop turn."""

    def queue_depth(self, depth: int) -> None:
        """So many runs were left waiting for a session when a loop turn ended."""

    def batch(self, session: str, size: int, seconds: float) -> None:
        """One run of a session (with its halves, where it failed) took `size` requests."""

    def part(self, node: str, seconds: float) -> None:
        """A step, or reading or writing JSON, took so long; told for one loop turn in many."""

    def waited(self, queue: str, seconds: float) -> None:
        """The oldest of a batch waited so long for its session's thread, or a request for its `turn`."""

    def event(self, family: str, *labels: str) -> None:
        """One of the events that service.json foresees has happened; see `events.py`."""

    def took(self, family: str, seconds: float, *labels: str) -> None:
        """Something that the service asked of another took so long; see `events.py`."""

    def stands(self, family: str, state: int, *labels: str) -> None:
        """Something that has states is in this one now; see `events.py`."""

    def shed(self, reason: str) -> None:
        """A request was turned away: `queue_full`, or `too_late` to be answered by its deadline."""

    def deadline(self, stage: str) -> None:
        """A request ran out of time: at `dequeue`, at a `session`, or `waiting` for a step."""


class NullObserver:
    """An observer that counts nothing."""

    def in_flight(self, change: int) -> None:
        """Nothing."""

    def queue_depth(self, depth: int) -> None:
        """Nothing."""

    def batch(self, session: str, size: int, seconds: float) -> None:
        """Nothing."""

    def part(self, node: str, seconds: float) -> None:
        """Nothing."""

    def waited(self, queue: str, seconds: float) -> None:
        """Nothing."""

    def event(self, family: str, *labels: str) -> None:
        """Nothing."""

    def took(self, family: str, seconds: float, *labels: str) -> None:
        """Nothing."""

    def stands(self, family: str, state: int, *labels: str) -> None:
        """Nothing."""

    def shed(self, reason: str) -> None:
        """Nothing."""

    def deadline(self, stage: str) -> None:
        """Nothing."""


@dataclass(slots=True)
class Watch:
    """The service's current observer, and who is told that a driver has done a loop turn's work.

    Drivers hold the watch, so the front may set its observer at any time. `turning` is true from when a driver
    begins to drive requests until `end_turn`, which is sure to come: what is to be done once for all answers of
    the turn can wait for it instead of for the loop, whose next round costs a lone request some 3 us.
    """

    observer: Observer = field(default_factory=NullObserver)
    at_end: list[Callable[[], None]] = field(default_factory=list)
    turning: bool = False

    def end_turn(self) -> None:
        """Tell everybody."""
        self.turning = False
        for tell in self.at_end:
            tell()
