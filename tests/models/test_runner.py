"""Running models: batches as they are, examples without the batch axis, errors in words."""

import subprocess
import sys

import numpy as np
import pytest
from onnx import parser

from dagc.models.model_error import ModelError
from dagc.models.runner import Runner

pytestmark = pytest.mark.ort


def runner(ports: str, body: str) -> Runner:
    text = f'<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 3]> g {ports} {{ {body} }}'
    return Runner(parser.parse_model(text).SerializeToString())


def test_a_batch_comes_back_as_the_model_gives_it() -> None:
    double = runner("(float[N,2] x) => (float[N,2] y, float[N,2] z)", "y = Add(x, x) z = Neg(x)")
    assert double.outputs == ("y", "z")
    batch = np.array([[1, 2], [3, 4]], np.float32)
    z, y, again = double.run({"x": batch}, ["z", "y", "z"])
    assert y.tolist() == [[2, 4], [6, 8]]
    assert z.tolist() == again.tolist() == [[-1, -2], [-3, -4]]


def test_an_example_has_no_batch_axis_going_in_or_coming_out() -> None:
    total = runner(
        "(float[N,2] x, string[N] s) => (float[N] y, string[N] t)",
        "a = Constant<value = int64[1] {1}>() y = ReduceSum<keepdims = 0>(x, a) t = Identity(s)",
    )
    y, t = total.run_example({"x": np.array([1, 2], np.float32), "s": np.array("é")}, ["y", "t"])
    assert (y.shape, y.dtype, float(y)) == ((), np.float32, 3.0)
    assert (t.shape, t.dtype, t.item()) == ((), np.dtype(object), "é")


def test_an_output_without_a_row_for_the_example_is_an_error() -> None:
    doubled = runner("(float[N,2] x) => (float[M,2] y)", "y = Concat<axis = 0>(x, x)")
    with pytest.raises(ModelError, match="E0405") as error:
        doubled.run_example({"x": np.array([1, 2], np.float32)}, ["y"])
    assert "one example gave a tensor of shape [2, 2]" in error.value.message


def test_wrong_feeds_are_an_error_in_words() -> None:
    plain = runner("(float[N,2] x) => (float[N,2] y)", "y = Neg(x)")
    for feeds in ({}, {"x": np.zeros((1, 3), np.float32)}, {"x": np.zeros((1, 2))}, {"z": np.zeros(1)}):
        with pytest.raises(ModelError, match="E0409") as error:
            plain.run(feeds, ["y"])
        assert "/onnxruntime_src" not in " ".join(error.value.notes)


def test_an_operator_nobody_has_is_an_error_in_words() -> None:
    with pytest.raises(ModelError, match="E0404") as error:
        runner("(float[N,2] x) => (float[N,2] y)", "y = Unheard(x)")
    assert "Unheard" in " ".join(error.value.notes)


def test_importing_the_runner_turns_telemetry_off_and_loads_no_onnxruntime() -> None:
    program = (
        "import os, sys; os.environ.pop('ORT_DISABLE_TELEMETRY', None); import dagc.models.runner;"
        "print(os.environ['ORT_DISABLE_TELEMETRY'], 'onnxruntime' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "False"]
