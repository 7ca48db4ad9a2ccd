"""How often a model lies in memory: `python -m benchmarks.memory` prints a table, and exits with 1 if twice.

`graphs/shared_encoder` as it is, and with an encoder that carries a table of 100 MiB more, each served by 1, 2 and
4 workers that have all answered. Memory is the proportional set size of all processes of a service
(`smaps_rollup`), so what the table adds, divided by its size, is the number of its copies.
"""

import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.load import post
from benchmarks.measure import free_ports
from benchmarks.processes import ServerProcess, adopt_orphans
from dagc.bench.answers import Question
from dagc.evaluate.requests import stored_requests

GRAPH = Path(__file__).parent.parent / "graphs" / "shared_encoder"
TABLE_MIB = 100
WORKERS = (1, 2, 4)
MOST_COPIES = 1.1
ASKED = 200


def main() -> int:
    """The exit code: 0 when the table lies in memory once, however many workers serve."""
    adopt_orphans()
    bodies = [
        Question.of(each.name, each.stored.request).body
        for each in stored_requests(GRAPH)
        if each.stored.graph == "described"
    ]
    print("| workers | processes | as it is, MB | with 100 MiB more, MB | copies |\n|---|---|---|---|---|")
    copies = []
    with tempfile.TemporaryDirectory(prefix="dagc-memory-") as folder:
        plain, heavy = (build(Path(folder), name) for name in ("plain", "heavy"))
        for workers in WORKERS:
            count, small = memory(plain, workers, bodies, Path(folder) / "log")
            _, large = memory(heavy, workers, bodies, Path(folder) / "log")
            copies.append((large - small) / TABLE_MIB)
            print(f"| {workers} | {count} | {small:,.0f} | {large:,.0f} | {copies[-1]:.2f} |", flush=True)
    return 0 if max(copies) <= MOST_COPIES else 1


def memory(service: Path, workers: int, bodies: list[bytes], log: Path) -> tuple[int, float]:
    """Processes and megabytes of a service whose workers have answered."""
    with serving(service, workers, log) as (process, port):
        for number in range(ASKED):
            status, _ = post(port, "/v1/described", bodies[number % len(bodies)])
            if status != 200:
                raise SystemExit(f"the service answered {status}: {process.tail()}")
        return process.memory()


def build(folder: Path, name: str) -> Path:
    """The service, with an encoder made larger where it is the `heavy` one; its answers stay what they are."""
    copied = folder / name
    shutil.copytree(GRAPH, copied)
    (copied / "dagc.lock").unlink()
    if name == "heavy":
        path = copied / "models" / "encoder.onnx"
        path.write_bytes(with_table(onnx.load(path)))
    command = [sys.executable, "-m", "dagc", "build", str(copied / "graph.py")]
    command += ["-o", str(folder / f"{name}-build")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / f"{name}-build" / "services" / "graph"


def with_table(model: onnx.ModelProto) -> bytes:
    """The encoder, to whose result a row of a large table, times zero, is added."""
    graph = model.graph
    width = graph.output[0].type.tensor_type.shape.dim[1].dim_value
    table = np.random.default_rng(0).random((TABLE_MIB * 1024 * 1024 // 4 // width, width), np.float32)
    for node in graph.node:
        node.output[:] = ["plain" if each == "embedding" else each for each in node.output]
        node.input[:] = ["plain" if each == "embedding" else each for each in node.input]
    graph.initializer.extend([
        numpy_helper.from_array(table, "table"),
        numpy_helper.from_array(np.zeros(1, np.float32), "nothing"),
        numpy_helper.from_array(np.zeros((), np.int64), "first"),
    ])  # fmt: skip
    graph.node.extend([
        helper.make_node("Gather", ["bytes", "first"], ["place"], axis=1),
        helper.make_node("Cast", ["place"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["row"]),
        helper.make_node("Mul", ["row", "nothing"], ["zeros"]),
        helper.make_node("Add", ["plain", "zeros"], ["embedding"]),
    ])  # fmt: skip
    content: bytes = model.SerializeToString()
    return content


@contextmanager
def serving(service: Path, workers: int, log: Path) -> Iterator[tuple[ServerProcess, int]]:
    """The service's processes and its port, until the block ends."""
    (port,) = free_ports(1)
    command = [sys.executable, "main.py", "--port", str(port), "--workers", str(workers)]
    with ServerProcess(command, service, {"DAGC_ACCESS_LOG": "off", "PATH": "/usr/bin"}, log) as process:
        until = time.monotonic() + 60
        while time.monotonic() < until and not process.ended:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield process, port


if __name__ == "__main__":
    sys.exit(main())
