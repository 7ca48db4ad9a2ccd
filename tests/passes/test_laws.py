"""What holds for every pass over every sample graph."""

import copy
import inspect
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from dagc.evaluate.evaluate import evaluate
from dagc.ir.graph import Graph, NodeName
from dagc.ir.ops import CallStep
from dagc.ir.regions import every_node
from dagc.passes.pass_ import Context, Pass
from dagc.passes.pipeline import PIPELINE, run, run_pass
from tests.branching_graphs import CHOICES
from tests.sample_graphs import SAMPLES as PLAIN
from tests.sample_graphs import Sample

SAMPLES = (*PLAIN, *CHOICES)
PASSES = tuple(dict.fromkeys(PIPELINE))
F32_TOLERANCE = 1e-5
"""Relative: one f32 step is 6e-8, and a fused sum may add in another order over at most a few hundred terms."""

Make = Callable[[], Sample]
over_samples = pytest.mark.parametrize("make", SAMPLES)
over_passes_and_samples = pytest.mark.parametrize(
    ("step", "make"),
    list(product(PASSES, SAMPLES)),
    ids=lambda x: getattr(x, "name", getattr(x, "__name__", None)),
)


def before(step: Pass, sample: Sample) -> Graph:
    """The sample as it reaches the pass in the pipeline."""
    graph = sample.graph
    for earlier in PIPELINE[: PIPELINE.index(step)]:
        graph = run_pass(earlier, graph, Context(sample.store))
    return graph


@over_passes_and_samples
def test_the_input_is_untouched_and_the_result_verifies(step: Pass, make: Make) -> None:
    sample = make()
    graph = before(step, sample)
    kept = copy.deepcopy(graph)
    run_pass(step, graph, Context(sample.store))
    assert graph == kept


@over_passes_and_samples
def test_a_pass_takes_the_graph_as_it_was_traced_too(step: Pass, make: Make) -> None:
    sample = make()
    run_pass(step, sample.graph, Context(sample.store))


@over_passes_and_samples
def test_a_second_run_changes_nothing(step: Pass, make: Make) -> None:
    sample = make()
    once = run_pass(step, before(step, sample), Context(sample.store))
    assert run_pass(step, once, Context(sample.store)) is once


@over_passes_and_samples
def test_every_span_of_a_live_value_survives(step: Pass, make: Make) -> None:
    sample = make()
    graph = before(step, sample)
    after = run_pass(step, graph, Context(sample.store))
    spans = {span for node in every_node(after) for span in node.spans}
    if step.name in ("fuse-models", "share-common-nodes", "prune-outputs", "optimise-models"):
        assert spans == {span for node in every_node(graph) for span in node.spans}


@over_passes_and_samples
def test_the_numbers_stay_the_same(step: Pass, make: Make) -> None:
    sample = make()
    graph = before(step, sample)
    assert_same_numbers(sample, graph, run_pass(step, graph, Context(sample.store)))


@over_samples
def test_the_whole_pipeline_keeps_the_numbers(make: Make) -> None:
    sample = make()
    assert_same_numbers(sample, sample.graph, run(sample.graph, sample.store).graph)


@over_samples
def test_steps_are_called_as_often_and_under_the_same_names(make: Make) -> None:
    sample = make()
    assert steps_of(run(sample.graph, sample.store).graph) == steps_of(sample.graph)


@over_samples
def test_two_runs_give_equal_graphs_and_equal_models(make: Make) -> None:
    first, second = make(), make()
    assert run(first.graph, first.store).graph == run(second.graph, second.store).graph


def test_every_pass_has_a_name_of_its_own_and_its_own_file() -> None:
    for step in PASSES:
        file = inspect.getfile(type(step))
        assert file.endswith(f"/{step.name.replace('-', '_')}.py")


def steps_of(graph: Graph) -> list[str]:
    return [node.name for node in every_node(graph) if isinstance(node.op, CallStep)]


def assert_same_numbers(sample: Sample, graph: Graph, after: Graph) -> None:
    for arguments in sample.arguments:
        known: dict[NodeName, object] = {}
        results = [
            evaluate(g, arguments, store=sample.store, steps=sample.steps, known=known) for g in (graph, after)
        ]
        assert_same(*results)


def assert_same(wanted: object, given: object) -> None:
    assert type(given) is type(wanted)
    if isinstance(wanted, list | tuple):
        assert isinstance(given, list | tuple)
        for one, other in zip(wanted, given, strict=True):
            assert_same(one, other)
        return
    if isinstance(wanted, np.ndarray):
        assert isinstance(given, np.ndarray)
        assert (given.dtype, given.shape) == (wanted.dtype, wanted.shape)
    if isinstance(wanted, float) or (isinstance(wanted, np.ndarray) and wanted.dtype.kind == "f"):
        np.testing.assert_allclose(given, wanted, rtol=F32_TOLERANCE, atol=1e-7)
    else:
        np.testing.assert_array_equal(given, wanted)
