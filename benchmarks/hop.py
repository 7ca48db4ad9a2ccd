"""What one hop between services costs: `python -m benchmarks.hop` prints a table, exits with 1 over the targets.

`workloads/hop` is one small graph twice: whole, and with its last model on a service of its own. Both are asked in
turn, on the same processes, one worker each, over loopback. It needs a quiet machine and wrk.
"""

import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.environments import HERE
from benchmarks.load import HOST, Closed, post, wrk
from benchmarks.measure import free_ports, wait_for_quiet
from benchmarks.processes import ServerProcess, adopt_orphans

WORKLOAD = "w1"
"""Its requests are the graph's."""
ROUNDS = 5
SECONDS = 2
MOST_P50_MS = 0.3
MOST_CPU_US = 60.0
START_S = 30.0
QUIET_S = 1.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One form of the graph in one round."""

    seen: Closed
    cpu_us: float


def main() -> int:
    """The exit code: 0 when the hop costs no more than it may."""
    adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="dagc-hop-") as folder:
        command = [sys.executable, "-m", "dagc", "build", str(HERE / "workloads" / "hop" / "graph.py")]
        subprocess.run([*command, "-o", f"{folder}/build"], check=True, capture_output=True)
        with serving(Path(folder)) as (process, port):
            alone = compared(process, port, 1)
            loaded = compared(process, port, 64)
    print("| connections | p50 whole, ms | cut, ms | a hop adds, ms | CPU whole, us | cut, us | adds, us |")
    print("|---|---|---|---|---|---|---|")
    for concurrency, (whole, cut) in ((1, alone), (64, loaded)):
        print(f"| {concurrency} {_row(whole, cut)}")
    p50_ms, cpu_us = _added(*alone)
    print(
        f"\nAt one connection a hop adds {p50_ms:.2f} ms (at most {MOST_P50_MS}) and {cpu_us:.0f} us of CPU",
        end=" ",
    )
    print(f"(at most {MOST_CPU_US:.0f}).")
    return 0 if p50_ms <= MOST_P50_MS and cpu_us <= MOST_CPU_US else 1


def compared(process: ServerProcess, port: int, concurrency: int) -> tuple[Sequence[Asked], Sequence[Asked]]:
    """The graph whole and cut, in turn, after a warm-up of each."""
    forms = ("/v1/whole", "/v1/cut")
    for path in forms:
        wrk(WORKLOAD, port, path, concurrency, 1)
    rounds = [[_asked(process, port, path, concurrency) for path in forms] for _ in range(ROUNDS)]
    return [whole for whole, _ in rounds], [cut for _, cut in rounds]


@contextmanager
def serving(folder: Path) -> Iterator[tuple[ServerProcess, int]]:
    """Both services and the port of the first, until the block ends."""
    port, other = free_ports(2)
    python = shlex.quote(sys.executable)
    lines = (
        f"(cd compute && exec {python} main.py --host {HOST} --port {other} --workers 1) &",
        f"cd graph && exec {python} main.py --host {HOST} --port {port} --workers 1",
    )
    settings = {"PATH": "/usr/bin:/bin", "DAGC_SERVICE_COMPUTE": f"http://{HOST}:{other}", "OMP_NUM_THREADS": "1"}
    with ServerProcess(
        ["sh", "-c", "\n".join(lines)], folder / "build" / "services", settings, folder / "log"
    ) as process:
        until = time.monotonic() + START_S
        while not _answers(port):
            if process.ended or time.monotonic() > until:
                raise SystemExit(f"the services do not answer: {process.tail()}")
            time.sleep(0.1)
        yield process, port


def _answers(port: int) -> bool:
    body = b'{"features":[' + b",".join([b"0.5"] * 30) + b"]}"
    try:
        return all(post(port, path, body)[0] == 200 for path in ("/v1/whole", "/v1/cut"))
    except OSError:
        return False


def _asked(process: ServerProcess, port: int, path: str, concurrency: int) -> Asked:
    wait_for_quiet(process, QUIET_S)
    before = process.cpu_s()
    seen = wrk(WORKLOAD, port, path, concurrency, SECONDS)
    if seen.errors:
        raise SystemExit(f"{path} failed {seen.errors} times: {process.tail()}")
    return Asked(seen, (process.cpu_s() - before) / seen.requests * 1e6)


def _added(whole: Sequence[Asked], cut: Sequence[Asked]) -> tuple[float, float]:
    """What the hop adds, as medians of the pairs: milliseconds of the p50 and microseconds of CPU a request."""
    pairs = tuple(zip(whole, cut, strict=True))
    return (
        median(after.seen.p50_ms - before.seen.p50_ms for before, after in pairs),
        median(after.cpu_us - before.cpu_us for before, after in pairs),
    )


def _row(whole: Sequence[Asked], cut: Sequence[Asked]) -> str:
    p50_ms, cpu_us = _added(whole, cut)
    times = [median(each.seen.p50_ms for each in form) for form in (whole, cut)]
    costs = [median(each.cpu_us for each in form) for form in (whole, cut)]
    return f"| {times[0]:.2f} | {times[1]:.2f} | {p50_ms:.2f} | {costs[0]:.0f} | {costs[1]:.0f} | {cpu_us:.0f} |"


if __name__ == "__main__":
    sys.exit(main())
