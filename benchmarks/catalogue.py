"""The workloads as data: the graph of each, its requests, and at how many connections it is asked."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.environments import CACHE, HERE

BUILDS = CACHE / "builds"
CONSTANT = "constant"
UNFUSED = "unfused"
GRAPHS = HERE.parent / "graphs"


@dataclass(frozen=True, slots=True)
class Workload:
    """One workload.

    Attributes:
        name: in tables and on the command line.
        graph: what its graph, and so its service and route, is called.
        folder: where its graph.py and its requests are.
        most: connections it is asked over at most; pages of images take long.
    """

    name: str
    graph: str
    folder: Path
    most: int = 64

    @property
    def source(self) -> Path:
        """The graph file."""
        return self.folder / "graph.py"

    def service(self, form: str = "") -> Path:
        """The folder of its built service; `form` is `unfused` or nothing."""
        return self.build(form) / "services" / self.graph

    def build(self, form: str = "") -> Path:
        """Where it is built."""
        return BUILDS / (f"{self.name}-{form}" if form else self.name)


_OWN = HERE / "workloads"
CATALOGUE = {
    each.name: each
    for each in (
        Workload("w1", "w1", _OWN / "w1"),
        Workload("w2", "w2", _OWN / "w2"),
        Workload("w3", "w3", _OWN / "w3"),
        Workload("s1", "tabular", GRAPHS / "tabular"),
        Workload("s2", "recommender", GRAPHS / "recommender"),
        Workload("s4", "ocr", GRAPHS / "ocr", most=8),
        Workload(CONSTANT, CONSTANT, _OWN / CONSTANT),
    )
}
WORKLOADS = tuple(name for name in CATALOGUE if name != CONSTANT)
USUAL = tuple(name for name in WORKLOADS if name != "s4")
"""S4 is compared with its peer by `benchmarks.ocr`; at its few pages a second a load of seconds says little."""
