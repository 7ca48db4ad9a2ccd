"""The benchmark: `python -m benchmarks.run`, or `make bench`. Builds, starts, checks, loads, and writes the table.

Servers take turns within a round and rounds repeat, so that a machine that becomes slower slows all of them.
Only ratios within one run mean anything.
"""

import argparse
import compileall
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.catalogue import CATALOGUE, CONSTANT, UNFUSED, USUAL, WORKLOADS
from benchmarks.environments import HERE, Environment, environment
from benchmarks.machine import this_machine
from benchmarks.measure import DEADLINE_S, all_cores, measure, overload
from benchmarks.plot import throughput_svg
from benchmarks.processes import adopt_orphans
from benchmarks.records import Bare, Fusion, OpenLoop, Pages, Results, Run
from benchmarks.servers import PEER_NAMES, SERVERS, TRAINED, Server, selected, takes_part
from benchmarks.table import markdown


def main() -> int:
    """The exit code: 0, or 1 when a server failed."""
    options = read_options()
    if options.render:
        render(Results.read(options.out / "results.json"), options.out)
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    adopt_orphans()
    options.out.mkdir(parents=True, exist_ok=True)
    build([*options.workloads, CONSTANT])
    servers = tuple(
        server for server in selected(options.peers) if not options.only or server.name in options.only
    )
    results = new_results(options, servers)
    homes = prepare(servers, options.workloads, results)
    results.bare = [bare(workload) for workload in options.workloads if workload in TRAINED]
    results.fusion = [fusion(workload) for workload in options.workloads]
    for number in range(options.rounds):
        for workload in options.workloads:
            for server in (each for each in servers if takes_part(each, workload, short=options.short)):
                home = homes[server.name, workload]
                run = measure(server, workload, home, options.concurrency, options.seconds, number)
                results.runs.append(run)
                tell(run)
                results.write(options.out / "results.json")
    for workload in (each for each in options.open if each in options.workloads):
        for server in (each for each in servers if each.best and workload in each.workloads):
            results.open_loop.append(overload(server, workload, homes[server.name, workload], options.seconds))
            results.write(options.out / "results.json")
            tell_open(results.open_loop[-1])
    if options.pages_seconds:
        results.pages = pages(options.pages_seconds)
    results.write(options.out / "results.json")
    render(results, options.out)
    failed = results.failed()
    print(f"wrote {options.out}: results.md, results.json, throughput.svg; {len(failed)} failures")
    return 1 if failed else 0


def read_options() -> argparse.Namespace:
    """What to measure; exits with 2 on a word that is not known."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--peers", type=words(PEER_NAMES), default=PEER_NAMES, help=", ".join(PEER_NAMES))
    parser.add_argument("--workloads", type=words(WORKLOADS), default=USUAL, help=", ".join(WORKLOADS))
    parser.add_argument("--only", type=words([each.name for each in SERVERS]), default=(), help="these servers")
    parser.add_argument("--open", type=words(WORKLOADS), default=("w2",), help="workloads of the open-loop test")
    parser.add_argument("--concurrency", type=numbers, default=(1, 8, 64), help="connections, as 1,8,64")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="peers that are not principal at W2 only")
    parser.add_argument(
        "--pages-seconds", type=float, default=0.0, help="also S4 beside rapidocr: seconds of each of 3 rounds"
    )
    parser.add_argument("--seconds", type=float, default=3, help="of each load")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument(
        "--render", action="store_true", help="measure nothing: tables of the results.json in --out"
    )
    return parser.parse_args()


def render(results: Results, out: Path) -> None:
    """Write the tables and the picture; a run that was cut short gets them by `--render`."""
    most = max(load.concurrency for run in results.runs for load in run.loads)
    (out / "results.md").write_text(markdown(results), encoding="utf-8")
    (out / "throughput.svg").write_text(throughput_svg(results, most), encoding="utf-8")


def words(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """A parser of `a,b` that knows its words; the empty string is none of them."""

    def parse(text: str) -> tuple[str, ...]:
        found = tuple(word for word in text.split(",") if word)
        for word in found:
            if word not in known:
                raise argparse.ArgumentTypeError(f"`{word}` is none of {', '.join(known)}")
        return found

    return parse


def numbers(text: str) -> tuple[int, ...]:
    """The numbers in `1,8,64`."""
    return tuple(int(word) for word in text.split(","))


def build(workloads: Sequence[str]) -> None:
    """Build the workloads' graphs with the `dagc` beside this Python, and once more with nothing fused."""
    for workload in map(CATALOGUE.__getitem__, workloads):
        plain = [str(Path(sys.executable).with_name("dagc")), "build", str(workload.source), "-o"]
        _built(plain, workload.build(), workload.service())
        if workload.name != CONSTANT:
            apart = [sys.executable, "-m", "benchmarks.unfused", str(workload.source)]
            _built(apart, workload.build(UNFUSED), workload.service(UNFUSED))


def _built(command: Sequence[str], folder: Path, service: Path) -> None:
    """A build whose runtime is compiled, as its Dockerfile does it and as pip does it for every peer."""
    _done([*command, str(folder)])
    for library in ("dagc", "dagc_runtime"):
        compileall.compile_dir(service / library, quiet=1)


def _done(command: Sequence[str]) -> str:
    """What a command printed; exits with what it complained of."""
    finished = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        sys.exit(f"`{' '.join(command)}` failed:\n{finished.stdout}{finished.stderr}")
    print(*finished.stdout.strip().splitlines()[-1:], flush=True)
    return finished.stdout


def new_results(options: argparse.Namespace, servers: Sequence[Server]) -> Results:
    """Results without a measurement yet."""
    settings: dict[str, object] = {
        "workloads": list(options.workloads),
        "concurrency": list(options.concurrency),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "workers": len(all_cores()),
        "open_loop_deadline_s": DEADLINE_S,
    }
    titles = {server.name: server.title for server in servers}
    return Results(datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), this_machine(), settings, titles)


def prepare(
    servers: Sequence[Server], workloads: Sequence[str], results: Results
) -> dict[tuple[str, str], Environment]:
    """The environment of each server and workload, made where it is missing; sizes and versions are recorded."""
    homes = {}
    for server in servers:
        for workload in (each for each in workloads if each in server.workloads):
            home = environment(server.peer, server.requirements(workload))
            homes[server.name, workload] = home
            results.environments_mb[server.peer] = home.size_mb
            results.versions[server.peer] = home.packages
    return homes


def bare(workload: str) -> Bare:
    """Rows a second without a server, measured in a process of its own."""
    folder = CATALOGUE[workload].service()
    session = json.loads((folder / "service.json").read_text(encoding="utf-8"))["sessions"][0]
    command = [sys.executable, "-m", "benchmarks.bare", workload, str(folder / session["model"])]
    finished = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True)
    return Bare(workload, **json.loads(finished.stdout))


def fusion(workload: str) -> Fusion:
    """How many models a service loads, and their size, as built and with nothing fused."""
    folders = [CATALOGUE[workload].service(form) / "models" for form in ("", UNFUSED)]
    fused, apart = ([file.stat().st_size for file in folder.glob("*.onnx")] for folder in folders)
    return Fusion(workload, len(fused), len(apart), round(sum(fused) / 2**20, 2), round(sum(apart) / 2**20, 2))


def pages(seconds: float) -> Pages:
    """S4: pages a second of the service, as times what the rapidocr package reads in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.ocr", "--rounds", "3", "--seconds", str(seconds)]
    found = json.loads(_done(command))
    return Pages(found["clients"], found["ratios"]["pages_per_s"], found["ratios"]["pages_per_cpu_s"])


def tell(run: Run) -> None:
    """One line about a run."""
    name = f"round {run.round + 1}  {run.workload}  {run.server:22}"
    if run.failure:
        print(f"{name} FAILED {run.failure}", flush=True)
        return
    loads = "  ".join(
        f"c{load.concurrency} {load.requests_per_s:,.0f}/s p99 {load.p99_ms:.2f} ms {load.cpu_us:.0f} us"
        + (f" {load.errors} ERRORS" if load.errors else "")
        for load in run.loads
    )
    print(f"{name} start {run.cold_start_s:.2f} s  {run.pss_mb:.0f} MB  {loads}", flush=True)


def tell_open(test: OpenLoop) -> None:
    """One line about an open-loop test."""
    shares = "  ".join(f"{each.factor:g}S {each.goodput / (test.saturation or 1):.2f}" for each in test.offered)
    print(
        f"open loop  {test.workload}  {test.server:22} S={test.saturation:,.0f}/s  {test.failure or shares}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
