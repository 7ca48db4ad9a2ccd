"""The rate up to which a service holds: an open loop at rising rates, then between the last good and first bad.

A rate holds while nearly all requests are answered right and in time and the 99th percentile stays under a limit.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dagc.bench.client import Outcome

HOLDS = 0.99
"""The share of requests that must be answered right and in time."""
_FIRST = 0.5
_STEPS = (0.7, 0.85, 1.0, 1.2, 1.5, 2.0)
_HALVINGS = 2
IDLE = 0.08
"""A client that is idle less than this is the limit itself."""


@dataclass(frozen=True, slots=True)
class Tried:
    """An open loop at one rate. `why` it does not hold, if so."""

    rate: float
    outcome: Outcome
    why: str | None


@dataclass(frozen=True, slots=True)
class Saturation:
    """What was tried, in order, and the highest rate that held; 0 when none did."""

    tried: tuple[Tried, ...]
    rate: float


def saturation(
    ask: Callable[[float], Outcome], estimate: float, *, deadline_s: float, p99_ms: float
) -> Saturation:
    """The highest rate that holds, to about a tenth; `estimate` is the throughput of a closed loop."""
    tried: list[Tried] = []

    def holds(rate: float) -> bool:
        """Whether the service keeps up with a rate, which is noted as tried."""
        outcome = ask(rate)
        tried.append(Tried(rate, outcome, why_not(outcome, deadline_s, p99_ms)))
        return tried[-1].why is None

    good, bad = 0.0, None
    for rate in _rising(estimate):
        if not holds(rate):
            bad = rate
            break
        good = rate
    for _ in range(_HALVINGS if bad is not None else 0):
        middle = (good + (bad or good)) / 2
        if holds(middle):
            good = middle
        else:
            bad = middle
    return Saturation(tuple(tried), good)


def why_not(outcome: Outcome, deadline_s: float, p99_ms: float) -> str | None:
    """Why the rate of an open loop does not hold, or `None` when it does."""
    good = outcome.within(deadline_s)
    share = good / max(1, outcome.due)
    if share < HOLDS:
        limited = ", and the client itself had no time left" if outcome.idle_share < IDLE else ""
        return f"{share:.1%} of the requests were answered right within {deadline_s:g} s{limited}"
    if (found := outcome.percentile_ms(99)) > p99_ms:
        return f"p99 was {found:.3g} ms, over {p99_ms:g}"
    return None


def _rising(estimate: float) -> Iterator[float]:
    yield _FIRST * estimate
    yield from (step * estimate for step in _STEPS)
