"""Graphs written down node by node, as small as the sentence under test allows."""

from collections.abc import Mapping, Sequence

import pytest

from dagc.diagnostics import Span
from dagc.ir.graph import Graph, Node, NodeName, Op, Value, ValueId
from dagc.ir.ops import CallStep, ModelKey, RunModel
from dagc.ir.types import DType, Scalar, Tensor, Type
from dagc.plan.make_plan import Compiled, make_plan
from dagc.plan.profile import Profile
from dagc.plan.service_plan import Port, ServicePlan
from dagc.plan.sessions import ModelFacts

FLOAT = Scalar("float")
ROW = Tensor(DType.F32, (3,))


class Sketch:
    """A graph under construction; each node is one line of graph.py, counted from 10."""

    def __init__(
        self, parameters: Mapping[str, Type] | None = None, name: str = "fraud", **settings: object
    ) -> None:
        self.name = name
        self.settings = settings
        given = parameters if parameters is not None else {"x": FLOAT}
        self.inputs = tuple(Value(ValueId(id_), type_) for id_, type_ in given.items())
        self.nodes: list[Node] = []

    def add(self, op: Op, inputs: str, outputs: Mapping[str, Type]) -> "Sketch":
        line = 10 + len(self.nodes)
        values = tuple(Value(ValueId(id_), type_) for id_, type_ in outputs.items())
        sources = tuple(ValueId(source) for source in inputs.split())
        node = Node(NodeName(f"n{line}"), op, sources, values, (Span("graph.py", line, 5, line, 9),))
        self.nodes.append(node)
        return self

    def step(self, made: str, inputs: str = "x", *, waits: bool = False, of: str = "") -> "Sketch":
        names = tuple(inputs.split())
        op = CallStep("graph", of or f"make_{made}", names, (FLOAT,) * len(names), waits)
        return self.add(op, inputs, {made: FLOAT})

    def model(self, made: str, inputs: str, key: str = "a", parts: tuple[str, ...] = ("score",)) -> "Sketch":
        outputs = {id_: Tensor(DType.F32, ()) for id_ in made.split()}
        feeds = tuple(f"in{at}" for at, _ in enumerate(inputs.split()))
        fetches = tuple(f"out{at}" for at, _ in enumerate(outputs))
        return self.add(RunModel(ModelKey(key * 64), feeds, fetches, parts), inputs, outputs)

    def graph(self, outputs: str, returns: Type = FLOAT) -> Graph:
        found = tuple(ValueId(output) for output in outputs.split())
        settings = {"span": Span("graph.py", 5, 1, 5, 9), **self.settings}
        return Graph(self.name, self.inputs, tuple(self.nodes), found, returns, **settings)  # type: ignore[arg-type]


def facts(feeds: int = 1, fetches: int = 1) -> ModelFacts:
    def ports(stem: str, count: int) -> tuple[Port, ...]:
        return tuple(Port(name=f"{stem}{at}", dtype="f32", dims=()) for at in range(count))

    return ModelFacts(ports("in", feeds), ports("out", fetches), "a" * 64)


def plan_of(
    graphs: Sequence[Graph],
    models: Mapping[str, ModelFacts] | None = None,
    source: str = "",
    files: Mapping[str, bytes] | None = None,
    profile: Profile | None = None,
) -> ServicePlan:
    compiled = [
        Compiled(graph, None, {"type": "object", "properties": {}}, {"type": "number"}) for graph in graphs
    ]
    known = {ModelKey(key * 64): found for key, found in (models or {}).items()}
    sources = files or {"graph.py": source.encode()}
    return make_plan(compiled, known, sources, dagc_version="0.1.0", profile=profile)


@pytest.fixture
def sketch() -> type[Sketch]:
    return Sketch


@pytest.fixture
def planned():  # type: ignore[no-untyped-def]
    return plan_of


@pytest.fixture
def model_facts():  # type: ignore[no-untyped-def]
    return facts
