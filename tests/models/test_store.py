"""The store: one copy, one parse, one session per model; analyses look at what the optimiser started from."""

import numpy as np
import pytest
from onnx import parser

from dagc.models.model_error import ModelError
from dagc.models.optimise import optimise
from dagc.models.rowwise import mixing
from dagc.models.runner import Runner
from dagc.models.store import ModelStore

pytestmark = pytest.mark.ort


def model(body: str) -> bytes:
    text = f'<ir_version: 8, opset_import: ["" : 17]> g (float[N,3] x) => (float[N,3] y) {{ {body} }}'
    return parser.parse_model(text).SerializeToString()


def test_equal_models_are_held_once_and_each_is_parsed_once() -> None:
    store = ModelStore()
    content = model("y = Neg(x)")
    key = store.add(content)
    assert key == store.add(bytes(bytearray(content)))
    assert len(key) == 64
    assert store.get(key) == content
    assert store.signature(key) is store.signature(key)
    assert store.runner(key) is store.runner(key)


def test_a_rewritten_model_is_analysed_as_the_one_it_was_made_of() -> None:
    dense = model(
        "w = Constant<value = float[3,3] {1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0}>()"
        " b = Constant<value = float[3] {1.0, 2.0, 3.0}>() g = Gemm(x, w, b) y = Relu(g)"
    )
    better = optimise(dense)
    assert "FusedGemm" in (mixing(better) or "")  # an operator of onnxruntime's own
    store = ModelStore()
    first = store.add(dense)
    second = store.add_rewritten(better, first)
    assert second != first
    assert store.get(second) == better
    assert store.mixing(first) is None
    assert store.mixing(second) is None
    third = store.add_rewritten(better, second)
    assert third == second
    rows = {"x": np.ones((2, 3), np.float32)}
    assert Runner(better).run(rows, ["y"])[0].tolist() == Runner(dense).run(rows, ["y"])[0].tolist()
    assert store.mixing(store.add(model("y = Softmax<axis = 0>(x)"))) is not None


def test_what_was_begun_ahead_is_what_it_would_be_without() -> None:
    content = model("t = Identity(x) n = Neg(t) y = Neg(n)")
    ahead, asked = ModelStore(), ModelStore()
    key = ahead.add(content)
    with ahead.threads():
        ahead.begin_optimising(key)
        ahead.begin_optimising(key)
        better = ahead.optimised(key)
    with ahead.threads():
        ahead.begin_loading(better)
        runner = ahead.runner(better)
        assert ahead.runner(better) is runner
    assert asked.optimised(asked.add(content)) == better
    assert ahead.get(better) == asked.get(better) != content
    rows = {"x": np.ones((2, 3), np.float32)}
    assert runner.run(rows, ["y"])[0].tolist() == Runner(content).run(rows, ["y"])[0].tolist()


def test_a_mistake_found_ahead_is_told_when_it_is_asked_for_and_never_if_it_is_not() -> None:
    store = ModelStore()
    foreign = '<ir_version: 8, opset_import: ["" : 17, "nobody" : 1]> g (float[N] x) => (float[N] y) '
    key = store.add(parser.parse_model(foreign + "{ y = nobody.F(x) }").SerializeToString())
    with store.threads():
        store.begin_optimising(key)
        store.begin_loading(key)
        with pytest.raises(ModelError, match="E0404"):
            store.optimised(key)
        with pytest.raises(ModelError, match="E0404"):
            store.runner(key)
    with store.threads():
        store.begin_loading(key)


def test_outside_of_threads_nothing_is_begun() -> None:
    store = ModelStore()
    key = store.add(b"no model at all")
    store.begin_optimising(key)
    store.begin_loading(key)
    with pytest.raises(ModelError, match="E0404"):
        store.runner(key)
