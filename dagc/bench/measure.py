"""What a service does under load: closed loops, where their time went, and the rate up to which it holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dagc.bench.answers import Answers
from dagc.bench.client import Load, Outcome, Target, offer
from dagc.bench.cpu import cpu_s
from dagc.bench.saturation import Saturation, Tried, saturation, why_not
from dagc.bench.scrape import Part, mean_rows, parts, scrape

WARM_S = 0.5
MOST_CONNECTIONS = 900
"""Of open loops: under the 1,024 files that a process may open by default."""


@dataclass(frozen=True, slots=True)
class Closed:
    """One closed loop: what came of it, CPU the service used, the time of its parts, and examples a run."""

    connections: int
    outcome: Outcome
    server_cpu_s: float | None
    parts: tuple[Part, ...]
    rows: dict[str, float]

    @property
    def rate(self) -> float:
        """Right answers a second."""
        return len(self.outcome.latencies_s) / max(self.outcome.seconds, 1e-9)

    @property
    def cpu_us(self) -> float | None:
        """CPU of the service for one request, in microseconds."""
        answered = sum(self.outcome.statuses.values())
        return None if self.server_cpu_s is None or not answered else 1e6 * self.server_cpu_s / answered


@dataclass(frozen=True, slots=True)
class Measured:
    """All of one endpoint; either `saturation` was looked for, or `offered` is an open loop at a given rate."""

    name: str
    route: str
    questions: int
    unchecked: int
    closed: tuple[Closed, ...]
    saturation: Saturation | None = None
    offered: Tried | None = None

    @property
    def opened(self) -> tuple[Tried, ...]:
        """The open loops, in order."""
        if self.saturation is not None:
            return self.saturation.tried
        return () if self.offered is None else (self.offered,)

    @property
    def outcomes(self) -> list[Outcome]:
        """Of all loads, in order."""
        return [*(each.outcome for each in self.closed), *(each.outcome for each in self.opened)]

    @property
    def wrong(self) -> int:
        """Answers that were not the right ones, in all loads."""
        return sum(outcome.wrong for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class Plan:
    """Closed loops of so many connections, for so long each, then an open loop at `rate` or a search with them."""

    connections: Sequence[int]
    seconds: float
    rate: float | None
    p99_ms: float
    deadline_s: float


def measured(
    name: str,
    address: str,
    target: Target,
    answers: Answers,
    plan: Plan,
    pid: int | None,
    watch: Callable[[str], None],
) -> Measured:
    """Everything `plan` asks for; `pid` leads the service's processes, if we started it.

    Raises:
        OSError: the service is gone.
    """
    offer(target, answers, Load(WARM_S, 8))
    closed = []
    for count in plan.connections:
        watch(f"{target.path}: {count} connections")
        closed.append(_closed(address, target, answers, count, plan.seconds, pid))
    found = Measured(name, target.path, len(answers.questions), answers.unchecked, tuple(closed))
    estimate = max((each.rate for each in closed), default=0.0)

    def ask(rate: float) -> Outcome:
        """What comes of offering this many requests a second."""
        watch(f"{target.path}: {rate:,.0f} requests a second")
        # Twice as many as are busy when all of a service that holds answers as late as it may.
        wanted = max(64, min(MOST_CONNECTIONS, round(2 * rate * plan.p99_ms / 1000)))
        return offer(target, answers, Load(plan.seconds, wanted, rate, plan.deadline_s))

    if plan.rate is not None:
        outcome = ask(plan.rate)
        tried = Tried(plan.rate, outcome, why_not(outcome, plan.deadline_s, plan.p99_ms))
        return Measured(found.name, found.route, found.questions, found.unchecked, found.closed, None, tried)
    if estimate <= 0.0:
        return found
    searched = saturation(ask, estimate, deadline_s=plan.deadline_s, p99_ms=plan.p99_ms)
    return Measured(found.name, found.route, found.questions, found.unchecked, found.closed, searched)


def _closed(address: str, target: Target, answers: Answers, count: int, seconds: float, pid: int | None) -> Closed:
    before, cpu = scrape(address), cpu_s(pid) if pid else None
    outcome = offer(target, answers, Load(seconds, count))
    used, after = cpu_s(pid) if pid else None, scrape(address)
    server = None if used is None or cpu is None else used - cpu
    return Closed(count, outcome, server, parts(before, after), mean_rows(before, after))
