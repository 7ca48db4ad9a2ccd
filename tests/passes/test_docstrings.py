"""The `Before:` and `After:` of every pass are what it does."""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import replace

import pytest

from dagc.ir.graph import Case, Graph, ValueId
from dagc.ir.ops import ModelKey, RunModel
from dagc.ir.placement import Placement
from dagc.ir.printer import print_graph
from dagc.passes.fold_choices import FoldChoices
from dagc.passes.fold_constants import FoldConstants
from dagc.passes.fuse_models import FuseModels
from dagc.passes.keep_shared_models import KeepSharedModels
from dagc.passes.lower_choices import LowerChoices
from dagc.passes.lower_expressions import LowerExpressions
from dagc.passes.optimise_models import OptimiseModels
from dagc.passes.pass_ import Context, Pass
from dagc.passes.pipeline import PIPELINE
from dagc.passes.place_nodes import PlaceNodes
from dagc.passes.prune_outputs import PruneOutputs
from dagc.passes.remove_dead_nodes import RemoveDeadNodes
from dagc.passes.share_common_nodes import ShareCommonNodes
from tests.branching_graphs import Arm, routed, switched
from tests.sample_graphs import BOOL, FLOAT, INT, ROW, TEXT, Sketch, classifier, decide, foldable, scaler, score


def dead(s: Sketch) -> Graph:
    (scaled,) = s.model("scaler", scaler(), {"x": s.input("row", ROW)}, "y:scaled")
    s.op("mul", scaled, s.constant("half", FLOAT, 0.5), out="unused")
    return s.graph(scaled)


def shared(s: Sketch) -> Graph:
    row = s.input("row", ROW)
    both = [s.model("scaler", scaler(), {"x": row}, f"y:{name}")[0] for name in ("a", "b")]
    return s.graph(s.op("add", *both, out="total"))


def kept(s: Sketch) -> Graph:
    return s.graph(s.model("c", classifier(), {"x": s.input("row", ROW)}, "label:label")[0])


def folded(s: Sketch) -> Graph:
    row = s.input("row", ROW)
    half = s.op("div", s.constant("one", INT, 1), s.constant("two", INT, 2), out="half")
    return s.graph(s.op("mul", row, half, out="halved"))


def chosen(s: Sketch) -> Graph:
    row, country = s.input("row", ROW), s.constant("country", TEXT, "FR")
    cases: dict[Case, Arm] = {
        ("DE",): lambda b: b.model("trees", score(1), {"x": row}, "score:a")[0],
        ("FR",): lambda b: b.model("net", score(2), {"x": row}, "score:b")[0],
    }
    return s.graph(switched(s, country, cases, [row], "value"))


def picked(s: Sketch) -> Graph:
    value, large = s.input("value", ROW), s.input("large", BOOL)
    rules: dict[ValueId, Arm] = {large: lambda b: b.op("add", value, value, out="double")}
    return s.graph(routed(s, rules, lambda b: value, [value], "chosen"))


def lowered(s: Sketch) -> Graph:
    row, amount = s.input("row", ROW), s.input("amount", FLOAT)
    large = s.op("gt", amount, s.constant("limit", INT, 100), out="large")
    return s.graph(s.op("mul", row, amount, out="scaled"), large)


def pruned(s: Sketch) -> Graph:
    row = s.input("row", ROW)
    return s.graph(s.model("c", classifier(), {"x": row}, "label:label", "probabilities:p")[0])


def fused(s: Sketch) -> Graph:
    (row,) = s.model("scaler", scaler(), {"x": s.input("x", ROW)}, "y:row")
    (a,) = s.model("trees", score(1), {"x": row}, "score:a")
    (b,) = s.model("net", score(2), {"x": row}, "score:b")
    number = s.item(b, "number", FLOAT)
    return s.graph(s.step(decide, [number], "decision", BOOL), a)


def placed(s: Sketch) -> Graph:
    (row,) = s.model("scaler", scaler(), {"x": s.input("x", ROW)}, "y:row")
    (scores,) = s.model("trees", scaler(), {"x": row}, "y:scores")
    graph = s.graph(s.op("add", scores, scores, out="doubled"))
    first, second, *others = graph.nodes
    return replace(graph, nodes=(first, replace(second, placement=Placement("compute")), *others))


EXAMPLES: dict[type[Pass], Callable[[Sketch], Graph]] = {
    RemoveDeadNodes: dead,
    ShareCommonNodes: shared,
    KeepSharedModels: kept,
    FoldConstants: folded,
    FoldChoices: chosen,
    LowerChoices: picked,
    LowerExpressions: lowered,
    PruneOutputs: pruned,
    FuseModels: fused,
    PlaceNodes: placed,
    OptimiseModels: dead,
}


def section(step: Pass, title: str) -> str:
    lines = inspect.cleandoc(type(step).__doc__ or "").splitlines()
    found = lines[lines.index(f"{title}:") + 1 :]
    end = next((i for i, line in enumerate(found) if not line.startswith("    ")), len(found))
    return textwrap.dedent("\n".join(found[:end])) + "\n"


@pytest.mark.parametrize("step", dict.fromkeys(PIPELINE), ids=lambda step: step.name)
def test_before_and_after_are_what_the_pass_does(step: Pass) -> None:
    sketch = Sketch("demo")
    graph = EXAMPLES[type(step)](sketch)
    assert section(step, "Before") == print_graph(graph)
    assert section(step, "After") == print_graph(step.run(graph, Context(sketch.store, elsewhere(step, graph))))


def elsewhere(step: Pass, graph: Graph) -> dict[ModelKey, int]:
    """What other graphs run too: the models of the example of the pass that asks for it."""
    models = [node.op.model for node in graph.nodes if isinstance(node.op, RunModel)]
    return dict.fromkeys(models, 2) if isinstance(step, KeepSharedModels) else {}


def test_only_the_models_change_under_the_optimiser() -> None:
    sketch = Sketch("demo")
    graph = sketch.graph(sketch.model("m", foldable(), {"x": sketch.input("row", ROW)}, "y:y")[0])
    after = OptimiseModels().run(graph, Context(sketch.store))
    keys = [node.op.model for g in (graph, after) for node in g.nodes if isinstance(node.op, RunModel)]
    assert len(set(keys)) == 2
