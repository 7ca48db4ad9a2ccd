"""Builds whose nodes run apart, and all of their services on real ports."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from dagc.artifacts.write import write
from dagc.backends.service import render_service
from dagc.compile import Planned, plan_file
from dagc.diagnostics import Report
from dagc.ir.graph import Graph, Node
from dagc.ir.ops import CallStep, RunModel
from dagc.ir.placement import Placement
from dagc.ir.regions import every_node, regions, with_regions

Place = Callable[[Node], Placement | None]


@dataclass(frozen=True)
class Running:
    """Where the front listens, and the process of every service."""

    address: str
    processes: dict[str, int]


def planned(source: Path, place: Place, tree: Path) -> Planned:
    """The plan of a file whose nodes are placed by `place`, written to `tree`."""
    made = plan_file(source, Report(), lambda _words: None, placed=lambda graph: placed(graph, place))
    store = made.traced[0].store
    keys = {n.op.model for o in made.optimised for n in every_node(o.graph) if isinstance(n.op, RunModel)}
    models = {str(key): store.get(key) for key in keys}
    write(render_service(made.plan, models, made.traced[0].sources(), lock=made.lock), tree)
    return made


def placed(graph: Graph, place: Place) -> Graph:
    """The graph with every model and step where `place` says, those in regions too."""

    def put(node: Node) -> Node:
        inner = [placed(region, place) for region in regions(node.op)]
        op = with_regions(node.op, inner) if inner else node.op
        return replace(node, op=op, placement=place(node) if isinstance(op, RunModel | CallStep) else None)

    return replace(graph, nodes=tuple(map(put, graph.nodes)))


def each_apart(node: Node) -> Placement | None:
    """Every model and every step on a service of its own."""
    name = node.op.qualname if isinstance(node.op, CallStep) else "-".join(getattr(node.op, "parts", ()))
    return Placement(
        f"{type(node.op).__name__[:3].lower()}-{re.sub('[^a-z0-9]+', '-', name.lower())}"[:39].strip("-")
    )


@contextmanager
def running(tree: Path, front: str, **more: str) -> Iterator[Running]:
    """All services of a build while they run."""
    script = Path(__file__).parent / "apart.py"
    environment = {**os.environ, "DAGC_ACCESS_LOG": "off", "ORT_DISABLE_TELEMETRY": "1", **more}
    command = [sys.executable, str(script), str(tree), front]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            processes: dict[str, int] = {}
            assert process.stdout
            for line in process.stdout:
                name, pid, address = line.split(" ", 2)
                if name == "all":
                    yield Running(address.split()[-1], processes)
                    return
                processes[name] = int(pid)
            raise AssertionError("a service did not start")
        finally:
            process.terminate()
            process.wait(timeout=30)
