import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dagc.diagnostics import CompileError
from dagc.ir.graph import Graph
from dagc.ir.ops import RunModel
from dagc.ir.printer import print_graph
from dagc.ir.types import Scalar
from dagc.passes import pipeline as runner
from dagc.passes.pass_ import Context, Pass
from dagc.passes.pipeline import PIPELINE, run, run_pass
from dagc.passes.reproducer import read_reproducer
from tests.branching_graphs import CHOICES
from tests.sample_graphs import FLOAT, ROW, SAMPLES, Sample, Sketch, pipeline, repeated, scaler


@pytest.mark.parametrize("make", (*SAMPLES, *CHOICES))
def test_graphs_come_out_as_few_big_stages(make: Callable[[], Sample], golden: Callable[[str, str], None]) -> None:
    sample = make()
    optimised = run(sample.graph, sample.store)
    remarks = [f"{'+' if remark.applied else '-'} {remark.message}" for remark in optimised.remarks]
    golden(f"{make.__name__}.txt", "\n".join([print_graph(optimised.graph), *remarks, ""]))


def test_every_pass_is_timed_in_order() -> None:
    sample = pipeline()
    names = [name for name, seconds in run(sample.graph, sample.store).timings if seconds >= 0]
    assert names == [step.name for step in PIPELINE]


def test_a_dump_is_told_of_the_passes_that_changed_something() -> None:
    told: list[str] = []
    sample = repeated()
    run(sample.graph, sample.store, dump=lambda name, graph: told.append(name))
    assert told[:2] == ["share-common-nodes", "lower-expressions"]
    assert "remove-dead-nodes" not in told


@dataclass(frozen=True, slots=True)
class Fails:
    name: str = "always-fail"

    def run(self, graph: Graph, context: Context) -> Graph:
        raise KeyError("score")


@dataclass(frozen=True, slots=True)
class Breaks:
    name: str = "break-graph"

    def run(self, graph: Graph, context: Context) -> Graph:
        return replace(graph, nodes=graph.nodes[1:])


@pytest.mark.parametrize(
    ("step", "fact"),
    [
        (Fails(), "KeyError: 'score'"),
        (Breaks(), "IrError: graph `pipeline`: `value` reads `scaled` before it is defined"),
    ],
)
def test_a_failing_pass_is_named_and_leaves_a_file_that_reproduces_it(
    step: Pass, fact: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PIPELINE", (*PIPELINE[:2], step))
    sample = pipeline()
    with pytest.raises(CompileError) as raised:
        run(sample.graph, sample.store)
    (found,) = raised.value.report.errors
    assert (found.code, found.message) == ("E0901", f"pass `{step.name}` failed on graph `pipeline`")
    assert found.notes[0] == fact
    file = Path(found.notes[1].split(" kept in ")[1])
    assert read_reproducer(file) == (step.name, sample.graph)
    file.unlink()


def test_an_expression_without_an_onnx_form_is_the_users_to_change_not_a_bug() -> None:
    sketch = Sketch("negative")
    base = sketch.constant("two", Scalar("int"), -2)
    count = sketch.input("count", Scalar("int"))
    sample = sketch.sample(sketch.op("pow", count, base, out="power"))
    with pytest.raises(CompileError) as raised:
        run(sample.graph, sample.store)
    (found,) = raised.value.report.errors
    assert found.code == "E0207"
    assert found.message.startswith("`power` cannot be computed inside a model: integers to negative")
    assert found.span == sample.graph.nodes[1].spans[0]


def test_a_thousand_expressions_pass_in_seconds() -> None:
    sketch = Sketch("thousand")
    value = sketch.input("row", ROW)
    (value,) = sketch.model("scaler", scaler(), {"x": value}, "y:scaled")
    half = sketch.input("half", FLOAT)
    for i in range(1000):
        kind = ("mul", "add", "sub")[i % 3]
        value = sketch.op(kind, value, half, out=f"v{i}")
    sample = sketch.graph(value)
    began = time.process_time()
    optimised = run(sample, sketch.store)
    assert time.process_time() - began < 10
    assert sum(isinstance(node.op, RunModel) for node in optimised.graph.nodes) == 1


def test_a_pass_that_raises_a_compile_error_is_passed_on_as_it_is() -> None:
    error = CompileError.of()

    @dataclass(frozen=True)
    class Refuses:
        name: str = "refuse"

        def run(self, graph: Graph, context: Context) -> Graph:
            raise error

    sample = pipeline()
    with pytest.raises(CompileError) as raised:
        run_pass(Refuses(), sample.graph, Context(sample.store))
    assert raised.value is error
