"""How compile time and memory grow with the graph: `python -m benchmarks.scale`, or `make scale`.

Each size of each kind is built in a process of its own, with an empty content cache. Wall time says what a user
waits, CPU time what the compiler costs on a machine that others use as well; its processes' children are counted.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import busy_s, loop_ms, this_machine
from benchmarks.synthetic import KINDS, write_graph
from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report
from dagc.models.sandbox import sandbox

ROOT = Path(__file__).parent.parent
SIZES = (10, 100, 1_000, 10_000)
LARGEST = {"models": 1_000}
"""10,000 of them would be one model of 288,000 operators, whose time is onnxruntime's."""

TARGETS_S = {1_000: 2.0, 10_000: 30.0}
COMMANDS = {
    "dagc --help": (["--help"], 0.3, "kept"),
    "dagc check, three models, nothing known of them": (["check"], 1.5, "empty"),
    "dagc check, three models, unchanged": (["check"], 1.5, "kept"),
}


@dataclass(frozen=True, slots=True)
class Growth:
    """One build. `stages_s` are CPU seconds, `passes_s` wall seconds of the passes that took a hundredth."""

    kind: str
    nodes: int
    ir_nodes: int
    wall_s: float
    cpu_s: float
    peak_mib: float
    stages_s: dict[str, float]
    passes_s: dict[str, float]


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the command line, the best of several."""

    words: str
    wall_s: float
    cpu_s: float
    target_s: float


@dataclass(slots=True)
class Scale:
    """A whole run. `others_cores` is what the rest of the machine used meanwhile."""

    date: str
    machine: dict[str, object]
    loop_ms: float
    others_cores: float = 0.0
    commands: list[Command] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)


def main() -> None:
    """Measure, and write `scale.json` and `scale.md`."""
    options = _options()
    if options.one:
        kind, nodes = options.one.split(":")
        print(json.dumps(asdict(built(kind, int(nodes)))))
        return
    began, busy, used = time.perf_counter(), busy_s(), _cpu_s(resource.RUSAGE_CHILDREN)
    found = Scale(datetime.now(UTC).date().isoformat(), asdict(this_machine()), loop_ms())
    found.commands += commands()
    for kind in options.kinds.split(","):
        for nodes in (int(size) for size in options.sizes.split(",") if int(size) <= LARGEST.get(kind, int(size))):
            found.growths.append(in_a_process(kind, nodes))
            print(_row(found.growths[-1]), flush=True)
    others = busy_s() - busy - (_cpu_s(resource.RUSAGE_CHILDREN) - used)
    found.others_cores = round(others / (time.perf_counter() - began), 2)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "scale.json").write_text(json.dumps(asdict(found), indent=1) + "\n", encoding="utf-8")
    (options.out / "scale.md").write_text("\n".join(markdown(found)) + "\n", encoding="utf-8")


def built(kind: str, nodes: int) -> Growth:
    """A build of a synthetic graph in this process."""
    marks: list[tuple[str, float]] = []
    with TemporaryDirectory(prefix="dagc-scale-") as place:
        file = write_graph(kind, nodes, Path(place))
        os.environ["DAGC_CACHE"] = f"{place}/cache"
        began, cpu = time.perf_counter(), _cpu_s()
        compilation = compile_file(file, Report(place), lambda words: marks.append((words, time.process_time())))
        marks.append(("writing", time.process_time()))
        write(compilation.tree, Path(place, "build"))
        ended, last = time.perf_counter(), time.process_time()
        sandbox().close()  # a child's time is known when it has ended
    (traced,), (after,) = compilation.planned.traced, compilation.planned.optimised
    ends = [at for _, at in marks[1:]] + [last]
    passes: dict[str, float] = {}
    for name, seconds in after.timings:
        passes[name] = passes.get(name, 0.0) + seconds
    return Growth(
        kind,
        nodes,
        len(traced.graph.nodes),
        round(ended - began, 3),
        round(_cpu_s() - cpu, 3),
        round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        {words: round(end - start, 3) for (words, start), end in zip(marks, ends, strict=True)},
        {name: round(seconds, 3) for name, seconds in passes.items() if seconds >= 0.01},
    )


def in_a_process(kind: str, nodes: int) -> Growth:
    """The same build in a new process, whose peak memory is its own."""
    command = [sys.executable, "-m", "benchmarks.scale", "--one", f"{kind}:{nodes}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{kind} of {nodes} nodes: {done.stderr.strip()[-2_000:]}")
    return Growth(**json.loads(done.stdout.splitlines()[-1]))


def commands() -> Iterator[Command]:
    """The commands a user waits for most often; the least of five, because everything else only adds."""
    with TemporaryDirectory(prefix="dagc-scale-") as place:
        file = write_graph("models", 3, Path(place))
        for words, (arguments, target, cache) in COMMANDS.items():
            line = [sys.executable, "-m", "dagc", *arguments, *([str(file)] if "check" in arguments else [])]
            runs = []
            for attempt in range(5):
                known = f"{place}/cache" if cache == "kept" else f"{place}/empty-{attempt}"
                began, cpu = time.perf_counter(), _cpu_s(resource.RUSAGE_CHILDREN)
                subprocess.run(
                    line, cwd=ROOT, env={**os.environ, "DAGC_CACHE": known}, capture_output=True, check=True
                )
                runs.append((time.perf_counter() - began, _cpu_s(resource.RUSAGE_CHILDREN) - cpu))
            wall, cpu = (min(each) for each in zip(*runs, strict=True))
            yield Command(words, round(wall, 2), round(cpu, 2), target)


def markdown(found: Scale) -> Iterator[str]:
    """The tables."""
    machine = found.machine
    yield "# How long compiling takes"
    yield ""
    yield (
        f"{found.date}, {machine['processor']}, {machine['cores']} cores, Python {machine['python']}, dagc "
        f"{machine['dagc']}; others used {found.others_cores} cores meanwhile. `python -m benchmarks.scale`"
    )
    yield ""
    yield "| command | wall, s | CPU, s | target, s |"
    yield "|---|---|---|---|"
    for each in found.commands:
        yield f"| `{each.words}` | {each.wall_s:.2f} | {each.cpu_s:.2f} | {each.target_s} |"
    yield ""
    yield "A whole build and its proof, from an empty content cache; 1,000 nodes of `models` are 28,800 operators:"
    yield ""
    yield "| kind | nodes | wall, s | CPU, s | target, s | peak, MiB | CPU by stage, s |"
    yield "|---|---|---|---|---|---|---|"
    for growth in found.growths:
        yield _row(growth)


def _row(growth: Growth) -> str:
    target = TARGETS_S.get(growth.nodes, "")
    stages = ", ".join(f"{name} {value:.2f}" for name, value in growth.stages_s.items())
    figures = f"{growth.wall_s:.2f} | {growth.cpu_s:.2f} | {target} | {growth.peak_mib:.0f}"
    return f"| {growth.kind} | {growth.nodes:,} | {figures} | {stages} |"


def _cpu_s(*who: int) -> float:
    """CPU seconds of this process and of the children it has waited for, or of one of the two."""
    used = [resource.getrusage(each) for each in who or (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _options(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kinds", default=",".join(KINDS), help=f"of {', '.join(KINDS)}")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of nodes")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results", help="the folder to write to")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
