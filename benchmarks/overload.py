"""Overload of runs that take long: `python -m benchmarks.overload` prints a table, and exits with 1 if it breaks.

A model of about 5 ms that takes one request at a time, a deadline of half a second, and an open loop at 1.5 to
8 times what a closed loop gets out of it. Wanted: only 200, 503 and 504; goodput of 0.7 of saturation or more; who
is accepted is answered by 1.1 deadlines; `/live` answers throughout. For a machine that is quiet.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from benchmarks.measure import free_ports
from benchmarks.processes import ServerProcess, adopt_orphans
from dagc.bench.answers import Answers, Question
from dagc.bench.client import Load, Outcome, Target, offer
from dagc.models.runner import Runner

DEADLINE_S = 0.5
FACTORS = (1.5, 2.0, 4.0, 8.0)
SIZE = 256
GRAPH = f'''"""Take a while."""

import dagc

slow = dagc.onnx("slow.onnx")


@dagc.graph(deadline_s={DEADLINE_S})
def wait(x: float) -> float:
    """Twice `x`, after a while."""
    return slow(x)
'''


@dataclass(slots=True)
class Pulse:
    """How often `/live` was asked, and how often it did not answer 200 within a second."""

    asked: int = 0
    failed: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def beat(self, address: str) -> None:
        """Ask until it is to stop."""
        while not self.stopping.wait(0.1):
            self.asked += 1
            try:
                with urllib.request.urlopen(f"{address}/live", timeout=1.0) as answer:
                    self.failed += answer.status != 200
            except OSError:
                self.failed += 1


def main() -> int:
    """The exit code: 0 when every rate holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--run-ms", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each rate")
    options = parser.parse_args()
    adopt_orphans()
    with (
        tempfile.TemporaryDirectory(prefix="dagc-overload-") as folder,
        serving(Path(folder), options.run_ms) as at,
    ):
        target = Target("127.0.0.1", at, "/v1/wait")
        answers = Answers([Question.of("one", {"x": 2.0}, 4.0)])
        offer(target, answers, Load(1.0, 8))
        full = offer(target, answers, Load(options.seconds, 8, deadline_s=DEADLINE_S))
        saturation = len(full.latencies_s) / full.seconds
        print(f"saturation {saturation:,.0f} requests a second, deadline {DEADLINE_S:g} s\n")
        print(
            "| offered | goodput / S | p99 of accepted, of D | statuses | `/live` | |\n|---|---|---|---|---|---|"
        )
        held = [tried(target, answers, factor, saturation, options.seconds) for factor in FACTORS]
    return 0 if all(held) else 1


def tried(target: Target, answers: Answers, factor: float, saturation: float, seconds: float) -> bool:
    """Whether one rate holds; its row is printed."""
    pulse = Pulse()
    beating = threading.Thread(target=pulse.beat, args=(f"http://{target.host}:{target.port}",))
    beating.start()
    seen = offer(target, answers, Load(seconds, 900, factor * saturation, 2 * DEADLINE_S))
    pulse.stopping.set()
    beating.join()
    goodput = seen.within(1.1 * DEADLINE_S) / seconds / saturation
    late = seen.percentile_ms(99) / 1000 / DEADLINE_S
    holds = holds_up(seen, goodput, late) and pulse.failed == 0 and pulse.asked > 0
    live = f"{pulse.asked - pulse.failed} of {pulse.asked}"
    statuses = ", ".join(f"{count:,} x {status}" for status, count in sorted(seen.statuses.items()))
    verdict = "holds" if holds else "**breaks**"
    print(f"| {factor:g} S | {goodput:.2f} | {late:.2f} | {statuses} | {live} | {verdict} |", flush=True)
    return holds


def holds_up(seen: Outcome, goodput: float, late: float) -> bool:
    """Whether an overload went as it should."""
    allowed = set(seen.statuses) <= {200, 503, 504} and not seen.wrong and not seen.lost
    return allowed and goodput >= 0.7 and late <= 1.1


@contextmanager
def serving(folder: Path, run_ms: float) -> Iterator[int]:
    """The port of the service, built and run in `folder` until the block ends."""
    layers = 1
    while taken_ms(slow_model(layers)) < run_ms:
        layers += max(1, layers // 4)
    (folder / "slow.onnx").write_bytes(slow_model(layers))
    (folder / "graph.py").write_text(GRAPH, encoding="utf-8")
    build = [sys.executable, "-m", "dagc", "build", str(folder / "graph.py"), "-o", str(folder / "build")]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (port,) = free_ports(1)
    command = [sys.executable, "main.py", "--port", str(port), "--workers", "1"]
    home = folder / "build" / "services" / "wait"
    with ServerProcess(command, home, {"DAGC_ACCESS_LOG": "off", "PATH": "/usr/bin"}, folder / "log"):
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port


def slow_model(layers: int) -> bytes:
    """`y = x + x` of one number at a time, and products of large matrices whose result, times zero, is added."""
    square = numpy_helper.from_array(np.full((SIZE, SIZE), 1e-3, np.float32), "square")
    zero = numpy_helper.from_array(np.zeros((), np.float32), "zero")
    nodes = [helper.make_node("Mul", ["square", "top"], ["m0"]), helper.make_node("ReduceMax", ["x"], ["top"])]
    nodes.reverse()
    nodes += [helper.make_node("MatMul", [f"m{at}", "square"], [f"m{at + 1}"]) for at in range(layers)]
    nodes += [
        helper.make_node("ReduceMax", [f"m{layers}"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "zero"], ["nothing"]),
        helper.make_node("Add", ["x", "x"], ["twice"]),
        helper.make_node("Add", ["twice", "nothing"], ["y"]),
    ]
    ports = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in ("x", "y"))
    graph = helper.make_graph(nodes, "slow", [next(ports)], [next(ports)], [square, zero])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content: bytes = model.SerializeToString()
    return content


def taken_ms(model: bytes) -> float:
    """Milliseconds of a run, the least of five."""
    runner, feeds, best = Runner(model), {"x": np.ones(1, np.float32)}, float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        runner.run(feeds, ["y"])
        best = min(best, time.perf_counter() - begun)
    return 1000 * best


if __name__ == "__main__":
    sys.exit(main())
