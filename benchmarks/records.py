"""What a benchmark run leaves behind: one record a measurement, and the medians the tables are made of."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from pydantic import TypeAdapter

from benchmarks.machine import Machine


@dataclass(frozen=True, slots=True)
class Load:
    """One server under closed-loop load at one concurrency.

    `foreign_cores` is what processes of others used meanwhile, `loop_ms` the time of a fixed Python loop before.
    """

    concurrency: int
    requests_per_s: float
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    errors: int
    cpu_us: float
    client_cores: float
    server_cores: float
    foreign_cores: float
    loop_ms: float


@dataclass(slots=True)
class Run:
    """One server, started anew for one workload in one round. `failure` says why numbers are missing.

    `failed_checks` counts 5xx answers while its answers were checked; those requests were asked again.
    """

    server: str
    workload: str
    round: int
    cold_start_s: float = 0.0
    processes: int = 0
    pss_mb: float = 0.0
    loads: list[Load] = field(default_factory=list)
    failed_checks: int = 0
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """One rate of the open-loop test, as multiples of the server's own saturation."""

    factor: float
    rate: float
    goodput: float
    accepted_p50_ms: float
    accepted_p99_ms: float
    late: int
    unsent: int
    lost: int
    statuses: dict[str, int]
    client_idle_share: float


@dataclass(slots=True)
class OpenLoop:
    """One server in the open-loop test: `saturation` in requests a second, then rates above and below it."""

    server: str
    workload: str
    saturation: float = 0.0
    offered: list[Offered] = field(default_factory=list)
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Bare:
    """Rows a second of plain `session.run` on one core, without any server."""

    workload: str
    apart_1: float
    merged_1: float
    fused_1: float
    fused_32: float


@dataclass(frozen=True, slots=True)
class Fusion:
    """Models that a service loads and their size in MB (2**20 bytes), as built and with nothing fused."""

    workload: str
    fused: int
    apart: int
    fused_mb: float
    apart_mb: float


@dataclass(frozen=True, slots=True)
class Pages:
    """S4 at so many clients: pages a second, and pages a CPU second, as times the rapidocr package's."""

    clients: int
    times: float
    times_per_cpu: float


@dataclass(slots=True)
class Results:
    """A whole benchmark."""

    date: str
    machine: Machine
    settings: dict[str, object]
    titles: dict[str, str]
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    environments_mb: dict[str, float] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)
    open_loop: list[OpenLoop] = field(default_factory=list)
    bare: list[Bare] = field(default_factory=list)
    fusion: list[Fusion] = field(default_factory=list)
    pages: Pages | None = None

    @classmethod
    def read(cls, path: Path) -> "Results":
        """What `write` wrote."""
        return TypeAdapter(cls).validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        """Everything as JSON."""
        path.write_bytes(TypeAdapter(Results).dump_json(self, indent=1) + b"\n")

    def failed(self) -> list[Run | OpenLoop]:
        """What has no numbers."""
        records: list[Run | OpenLoop] = [*self.runs, *self.open_loop]
        return [each for each in records if each.failure]

    def servers(self, workload: str) -> list[str]:
        """The servers that were measured in a workload, in the order they were."""
        return list(dict.fromkeys(run.server for run in self.runs if run.workload == workload))

    def workloads(self) -> list[str]:
        """The workloads, in order."""
        return list(dict.fromkeys(run.workload for run in self.runs))

    def of(self, workload: str, server: str) -> list[Run]:
        """The rounds of a server that have numbers."""
        return [
            each for each in self.runs if (each.workload, each.server, each.failure) == (workload, server, None)
        ]

    def load(self, workload: str, server: str, concurrency: int) -> Load | None:
        """Medians over the rounds; errors are summed."""
        loads = [
            load for run in self.of(workload, server) for load in run.loads if load.concurrency == concurrency
        ]
        return _median_load(loads) if loads else None

    def errors(self, workload: str, server: str) -> int:
        """Requests that failed, under load and while answers were checked."""
        runs = self.of(workload, server)
        return sum(run.failed_checks + sum(load.errors for load in run.loads) for run in runs)

    def cold_start_s(self, workload: str, server: str) -> float | None:
        """Median."""
        return _median(run.cold_start_s for run in self.of(workload, server))

    def pss_mb(self, workload: str, server: str) -> float | None:
        """Median, after load."""
        return _median(run.pss_mb for run in self.of(workload, server))


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return median(found) if found else None


def _median_load(loads: list[Load]) -> Load:
    members = [asdict(load) for load in loads]
    middle = {name: median(each[name] for each in members) for name in members[0]}
    middle["errors"] = sum(load.errors for load in loads)
    middle["concurrency"] = loads[0].concurrency
    return Load(**middle)
