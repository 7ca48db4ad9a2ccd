"""The targets, computed from one run: ratios to other servers of the same run, and absolute limits."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks.catalogue import CONSTANT
from benchmarks.records import Load, Results
from benchmarks.servers import DAGC, DAGC_UNFUSED, SERVERS, TRAINED

BATCHED = tuple(server.name for server in SERVERS if server.batched)


@dataclass(frozen=True, slots=True)
class Target:
    """One target: what was found, what is wanted, and whether more or less is better."""

    where: str
    what: str
    found: float
    wanted: float
    more_is_better: bool = True

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.found >= self.wanted if self.more_is_better else self.found <= self.wanted


def targets(results: Results) -> list[Target]:
    """Every target this run has the numbers for."""
    found: list[Target] = []
    for workload in results.workloads():
        found += _throughput(results, workload)
        for concurrency in (1, 8):
            found += _small(results, workload, concurrency)
        found += _resources(results, workload)
    if results.pages:
        found.append(
            Target(f"s4, c={results.pages.clients}", "times the rapidocr package", results.pages.times, 1.5)
        )
    return [*found, *_overload(results)]


def _throughput(results: Results, workload: str) -> Iterator[Target]:
    own = results.load(workload, DAGC, 64)
    if own is None:
        return
    if workload == "w3":
        best = max((each.requests_per_s for each in _peers(results, workload, 64).values()), default=None)
        if best:
            yield Target("w3, c=64", "times the best peer", own.requests_per_s / best, 3)
        return
    if workload not in TRAINED:  # the numbers were set for W1 and W2
        return
    rivals: list[tuple[str, tuple[str, ...], float]] = [
        ("of the constant answer", (CONSTANT,), 0.85),
        ("times the best batched peer", BATCHED, 4),
        ("times FastAPI merged", ("fastapi-merged",), 7),
        ("times Ray Serve composed and optimised", ("ray-graph-optimised",), 200),
    ]
    for what, names, wanted in rivals:
        loads = [load for name in names if (load := results.load(workload, name, 64))]
        if loads:
            best = max(load.requests_per_s for load in loads)
            yield Target(f"{workload}, c=64", what, own.requests_per_s / best, wanted)


def _small(results: Results, workload: str, concurrency: int) -> Iterator[Target]:
    own = results.load(workload, DAGC, concurrency)
    if own is None:
        return
    where = f"{workload}, c={concurrency}"
    limit = results.load(workload, CONSTANT, concurrency)
    if limit and workload in TRAINED:
        yield Target(where, "of the constant answer", own.requests_per_s / limit.requests_per_s, 0.6)
    peers = _peers(results, workload, concurrency)
    if peers:
        best = min(peers, key=lambda name: peers[name].p99_ms)
        yield Target(where, f"p99 over the best peer's ({best})", own.p99_ms / peers[best].p99_ms, 1, False)


def _resources(results: Results, workload: str) -> Iterator[Target]:
    cold, memory = results.cold_start_s(workload, DAGC), results.pss_mb(workload, DAGC)
    if cold is not None and memory is not None:
        yield Target(workload, "s to the first answer", cold, 0.5, False)
        yield Target(workload, f"MB PSS, {results.settings['workers']} workers", memory, 100, False)


def _overload(results: Results) -> Iterator[Target]:
    for test in results.open_loop:
        twice = [each for each in test.offered if each.factor == 2.0]
        if test.server != DAGC or not twice or not test.saturation:
            continue
        where = f"{test.workload}, open loop at twice saturation"
        yield Target(
            where, "of saturation as goodput", median(each.goodput for each in twice) / test.saturation, 0.7
        )
        deadline_ms = 1000 * float(str(results.settings["open_loop_deadline_s"]))
        yield Target(where, "ms p99 of accepted", twice[0].accepted_p99_ms, deadline_ms, False)


def _peers(results: Results, workload: str, concurrency: int) -> dict[str, Load]:
    loads = {name: results.load(workload, name, concurrency) for name in results.servers(workload)}
    return {name: load for name, load in loads.items() if load and name not in {DAGC, DAGC_UNFUSED, CONSTANT}}
