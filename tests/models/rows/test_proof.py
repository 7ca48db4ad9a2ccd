"""The proof as a whole: the repository's models, hostile files, and its time."""

import time
from pathlib import Path

import pytest
from onnx import TensorProto

from dagc.models.model_error import ModelError
from dagc.models.rowwise import mixing
from tests.models.mutations import mutants
from tests.models.rows.apart import assert_every_value_holds, assert_rows_stay_apart
from tests.models.rows.growing import Growing, grow
from tests.models.rows.safe_blocks import SAFE
from tests.models.rows.writing import Writing

pytestmark = pytest.mark.ort

ROOT = Path(__file__).parents[3]
MODELS = sorted(
    file for folder in ("graphs", "examples", "dagc", "templates") for file in (ROOT / folder).rglob("*.onnx")
)


ALONE = {"graphs/shared_encoder/models/encoder.onnx": "axis 0 of input `bytes` is fixed to 1"}
"""Those that say themselves that they take one example at a time."""


@pytest.mark.parametrize("file", MODELS, ids=lambda file: str(file.relative_to(ROOT)))
def test_models_of_the_repository_are_proven_and_their_rows_stay_apart(file: Path) -> None:
    content = file.read_bytes()
    reason = ALONE.get(file.relative_to(ROOT).as_posix())
    assert mixing(content) == reason
    if reason is not None:
        return
    assert_rows_stay_apart(content, rows=7)
    assert_every_value_holds(content)


def chain(operators: int) -> bytes:
    """Blocks of an encoder with shapes computed on the way, as many as it takes."""
    w = Writing(seed=1)
    value = "x"
    while len(w.nodes) < operators:
        shape = w.op("Shape", value)
        rows = w.op("Slice", shape, w.whole(0), w.whole(1), w.whole(0))
        heads = w.op(
            "Reshape", w.op("MatMul", value, w.weights(6, 6)), w.op("Concat", rows, w.whole(-1, 2, 3), axis=0)
        )
        heads = w.op("Transpose", heads, perm=[0, 2, 1, 3])
        scores = w.op("Softmax", w.op("MatMul", heads, w.op("Transpose", heads, perm=[0, 1, 3, 2])), axis=-1)
        met = w.op("Transpose", w.op("MatMul", scores, heads), perm=[0, 2, 1, 3])
        value = w.op("Add", value, w.op("Reshape", met, shape))
        value = w.op("LayerNormalization", value, w.weights(6), w.weights(6), axis=-1)
    return w.written({"x": (TensorProto.FLOAT, ("N", "T", 6))}, [value])


def seconds(content: bytes) -> float:
    """Of this process alone, and the best of three, so that a busy machine does not count."""
    times = []
    for _ in range(3):
        start = time.process_time()
        assert mixing(content) is None
        times.append(time.process_time() - start)
    return min(times)


def test_ten_thousand_operators_take_about_ten_times_as_long_as_a_thousand() -> None:
    assert seconds(chain(10_000)) < 25 * seconds(chain(1_000))


def test_a_wide_graph_takes_time_in_proportion() -> None:
    def joined(count: int) -> bytes:
        w = Writing()
        parts = [w.op("Neg", "x") for _ in range(count)]
        return w.written({"x": (TensorProto.FLOAT, ("N", "T"))}, [w.op("Concat", *parts, axis=1)])

    assert seconds(joined(4_000)) < 20 * max(seconds(joined(500)), 0.01)


def test_hostile_files_are_answered_without_an_exception() -> None:
    for _, content in mutants(2_000, seed=3):
        assert isinstance(mixing(content), str | None)


@pytest.mark.parametrize("seed", range(20))
def test_the_answer_does_not_depend_on_the_number_of_rows_it_is_tried_with(seed: int) -> None:
    growing = Growing(seed)
    grow(growing, SAFE, 6)
    content = growing.model()
    assert mixing(content) is None
    for rows in (1, 2, 3, 17):
        try:
            assert_rows_stay_apart(content, rows=rows, seed=seed)
        except ModelError as error:  # pragma: no cover
            raise AssertionError(growing.grown) from error
