"""Pruning keeps the outputs asked for, what they need, and every input."""

import numpy as np
import onnx
import pytest
from onnx import parser

from dagc.models.prune import prune
from dagc.models.runner import Runner

pytestmark = pytest.mark.ort

MODEL = parser.parse_model("""
    <ir_version: 8, opset_import: ["" : 17]>
    g (float[N,3] x, float[N,3] z) => (float[N,3] a, float[N,3] b, float[N,3] c) <float k = {2.0}>
    {
        t = Mul(x, k)
        a = Neg(t)
        u = MatMul(z, w)
        b = Exp(u)
        s = ReduceSum <keepdims = 0> (t)
        o = Greater(s, k)
        c = If (o) <then_branch = f () => (float[N,3] r) { r = Add(t, z) },
                    else_branch = e () => (float[N,3] q) { q = Identity(z) }>
    }
""")
MODEL.graph.initializer.append(onnx.numpy_helper.from_array(np.eye(3, dtype=np.float32), "w"))
CONTENT = MODEL.SerializeToString()


@pytest.mark.parametrize(
    ("fetches", "left", "tensors"),
    [
        (("a",), ["Mul", "Neg"], ["k"]),
        (("b",), ["MatMul", "Exp"], ["w"]),
        (("c",), ["Mul", "ReduceSum", "Greater", "If"], ["k"]),
        (("b", "a"), ["Mul", "Neg", "MatMul", "Exp"], ["k", "w"]),
    ],
)
def test_only_what_is_needed_is_left(fetches: tuple[str, ...], left: list[str], tensors: list[str]) -> None:
    pruned = prune(CONTENT, fetches)
    proto = onnx.load_model_from_string(pruned)
    onnx.checker.check_model(proto, full_check=True)
    assert [node.op_type for node in proto.graph.node] == left
    assert [tensor.name for tensor in proto.graph.initializer] == tensors
    assert [value.name for value in proto.graph.input] == ["x", "z"]
    assert [value.name for value in proto.graph.output] == list(fetches)
    feeds = {name: np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32) for name in ("x", "z")}
    for have, want in zip(Runner(pruned).run(feeds, fetches), Runner(CONTENT).run(feeds, fetches), strict=True):
        np.testing.assert_array_equal(have, want)
    assert prune(pruned, fetches) == pruned


def test_a_name_that_is_no_output_is_our_own_mistake() -> None:
    with pytest.raises(KeyError):
        prune(CONTENT, ("t",))
