"""`dagc.stacked`: numbers and rows side by side, in a body as in a plain call, and what is refused."""

import numpy as np
import pytest

import dagc
from dagc.diagnostics import CompileError
from dagc.evaluate.evaluate import evaluate
from dagc.passes.pipeline import run
from tests.dsl.conftest import Loads, Traces

GRAPH = """
Wide = Annotated[NDArray[np.float32], f32(34)]


@dagc.graph
def rated(row: Row) -> tuple[Score, Wide]:
    features = [score(row), score(scaler(row)), row[:1], classifier(row).probabilities[0], row]
    return dagc.stacked(features[1:], lambda x: dagc.total(x)), dagc.stacked(features, lambda x: x * 2)


@dagc.graph
def again(row: Row) -> Score:
    return dagc.stacked([row], score)
"""


def test_features_stand_in_the_order_given_and_fuse_with_the_models(load_text: Loads) -> None:
    (rated, again), report = load_text(GRAPH)
    assert not report.errors, report
    row = np.arange(30, dtype=np.float32)
    with rated.importable():
        total, wide = rated.function(row)
    assert wide.shape == (34,) and wide[-30:].tolist() == (row * 2).tolist()
    recorded = evaluate(rated.graph, {"row": row}, store=rated.store, steps=rated.steps)
    np.testing.assert_array_equal(recorded[0], total)  # type: ignore[index]
    np.testing.assert_array_equal(recorded[1], wide)  # type: ignore[index]
    assert len(run(rated.graph, rated.store).graph.nodes) == 1
    np.testing.assert_array_equal(again.function(row), row.mean())


def test_a_plain_call_takes_numbers_and_arrays() -> None:
    found = dagc.stacked([0.5, np.float64(1.5), np.zeros(2)], lambda x: x.tolist())
    assert found == [0.5, 1.5, 0.0, 0.0]


@pytest.mark.parametrize(
    "call",
    [
        lambda: dagc.stacked([], lambda x: x),
        lambda: dagc.stacked(np.zeros(3), lambda x: x),
        lambda: dagc.stacked([np.zeros((2, 2))], lambda x: x),
        lambda: dagc.stacked(["a"], lambda x: x),
        lambda: dagc.stacked([1.0], 3),
        lambda: dagc.stacked([1.0]),
    ],
)
def test_what_is_no_row_of_features_is_refused(call) -> None:
    with pytest.raises(CompileError) as refused:
        call()
    assert [found.code for found in refused.value.report.errors] == ["E0220"]


@pytest.mark.parametrize("values", ["score(row)", "[payment]", "[]", "[dagc.stack(row, row)]"])
def test_what_is_no_row_of_features_is_refused_in_a_body(trace_text: Traces, values: str) -> None:
    report = trace_text(
        f"@dagc.graph\ndef wrong(row: Row, payment: Payment) -> Row:\n    return dagc.stacked({values}, scaler)\n"
    )
    assert [error.code for error in report.errors] == ["E0220"]
