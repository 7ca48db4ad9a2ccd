"""Functions that a model brings along: what stands in place of their calls computes what onnxruntime does."""

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dagc.models.functions import InliningRefused, inlined
from dagc.models.merge import MergeRefused, Part, merge
from dagc.models.rowwise import mixing
from dagc.models.runner import Runner

pytestmark = pytest.mark.ort

OWN = "own"
ROWS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def softmax(*, default: int | None) -> onnx.FunctionProto:
    """`Along(a) -> b`: softmax along attribute `along`, which may have a default."""
    inner = helper.make_node("Softmax", ["a"], ["b"])
    inner.attribute.append(reference("axis", "along"))
    return function("Along", [inner], "along", default)


def around(*, default: int | None) -> onnx.FunctionProto:
    """`Around(a) -> b`: a call of `Along`, given the attribute `way` of its own."""
    inner = helper.make_node("Along", ["a"], ["b"], domain=OWN)
    inner.attribute.append(reference("along", "way"))
    return function("Around", [inner], "way", default)


def function(name: str, nodes: list[onnx.NodeProto], attribute: str, default: int | None) -> onnx.FunctionProto:
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(OWN, 1)]
    return helper.make_function(
        OWN, name, ["a"], ["b"], nodes, opsets, [attribute] if default is None else [],
        [] if default is None else [helper.make_attribute(attribute, default)],
    )  # fmt: skip


def reference(name: str, to: str) -> onnx.AttributeProto:
    return onnx.AttributeProto(name=name, ref_attr_name=to, type=onnx.AttributeProto.INT)


def in_a_loop(call: onnx.NodeProto) -> onnx.NodeProto:
    """Twice the call, from `x` to `y`."""
    state = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("x_in", "x_out")]
    go = [helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("go", "on")]
    turn = helper.make_tensor_value_info("turn", TensorProto.INT64, [])
    call.input[:], call.output[:] = ["x_in"], ["x_out"]
    nodes = [call, helper.make_node("Identity", ["go"], ["on"])]
    body = helper.make_graph(nodes, "body", [turn, go[0], state[0]], [go[1], state[1]])
    return helper.make_node("Loop", ["two", "", "x"], ["y"], body=body)


def calling(node: onnx.NodeProto, *functions: onnx.FunctionProto) -> bytes:
    """`x` f32[N, 4] -> `y` f32[N, 4]"""
    ports = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4])] for name in ("x", "y")]
    graph = helper.make_graph([node], "g", *ports, [numpy_helper.from_array(np.array(2), "two")])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(OWN, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=functions)
    return model.SerializeToString()


def call(name: str, **attributes: int) -> onnx.NodeProto:
    return helper.make_node(name, ["x"], ["y"], domain=OWN, **attributes)


MODELS = {
    "left out": (calling(call("Along"), softmax(default=0)), False),
    "given": (calling(call("Along", along=1), softmax(default=0)), True),
    "without a default": (calling(call("Along", along=0), softmax(default=None)), False),
    "left out twice": (calling(call("Around"), around(default=0), softmax(default=1)), False),
    "passed on": (calling(call("Around", way=1), around(default=0), softmax(default=0)), True),
    "left out in a loop": (calling(in_a_loop(call("Along")), softmax(default=0)), False),
}


def numbers(model: bytes, feeds: Sequence[str] = ("x",), fetches: Sequence[str] = ("y",)) -> np.ndarray:
    return Runner(model).run(dict.fromkeys(feeds, ROWS), list(fetches))[0]


@pytest.mark.parametrize(("model", "apart"), MODELS.values(), ids=MODELS)
def test_attributes_that_a_call_leaves_out_have_the_functions_defaults(model: bytes, *, apart: bool) -> None:
    expected = numbers(model)
    whole = inlined(onnx.load_model_from_string(model))
    assert not whole.functions
    np.testing.assert_allclose(numbers(whole.SerializeToString()), expected)
    merged = merge([Part("one", model, (("x", "in"),), (("y", "out"),))], ("in",), ("out",), "merged")
    np.testing.assert_allclose(numbers(merged, ("in",), ("out",)), expected)
    assert (mixing(model) is None) is apart


def test_an_attribute_that_may_be_missing_and_has_a_default_further_inside_is_not_followed() -> None:
    model = calling(call("Around"), around(default=None), softmax(default=0))
    with pytest.raises(InliningRefused, match="`Around` passes on `way`, which its calls may leave out"):
        inlined(onnx.load_model_from_string(model))
    assert "which its calls may leave out" in (mixing(model) or "")
    with pytest.raises(MergeRefused, match="the functions of `one` cannot be inlined"):
        merge([Part("one", model, (("x", "in"),), (("y", "out"),))], ("in",), ("out",), "merged")
