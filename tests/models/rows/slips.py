"""Slips of the pen: a safe model with one thing changed, so that it is safe still, or mixes, or does not run."""

import numpy as np
import onnx
from onnx import numpy_helper


def slipped(content: bytes, seed: int) -> bytes:
    """The model with one axis, permutation, shape, index or operand changed."""
    random = np.random.default_rng(seed)
    proto = onnx.load_model_from_string(content)
    whole = [tensor for tensor in proto.graph.initializer if tensor.data_type == onnx.TensorProto.INT64]
    numbered = [
        attribute
        for node in proto.graph.node
        for attribute in node.attribute
        if attribute.type in (onnx.AttributeProto.INT, onnx.AttributeProto.INTS) and attribute.name != "to"
    ]
    way = random.integers(4)
    if way == 0 and whole:
        _change_constant(whole[random.integers(len(whole))], random)
    elif way == 1 and numbered:
        _change_attribute(numbered[random.integers(len(numbered))], random)
    elif way == 2:
        _swap_operands(proto.graph.node[random.integers(len(proto.graph.node))], random)
    else:
        _rewire(proto.graph, random)
    written: bytes = proto.SerializeToString()
    return written


def _change_constant(tensor: onnx.TensorProto, random: np.random.Generator) -> None:
    array = numpy_helper.to_array(tensor).copy()
    flat = array.reshape(-1)
    if len(flat) > 1 and random.random() < 0.5:
        random.shuffle(flat)
    elif len(flat):
        at = random.integers(len(flat))
        flat[at] = random.choice([flat[at] + 1, flat[at] - 1, 0, -1, 1])
    tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _change_attribute(attribute: onnx.AttributeProto, random: np.random.Generator) -> None:
    if attribute.type == onnx.AttributeProto.INT:
        attribute.i = int(random.choice([attribute.i + 1, attribute.i - 1, 0, -1]))
        return
    values = list(attribute.ints)
    random.shuffle(values)
    attribute.ints[:] = [int(value) for value in values]


def _swap_operands(node: onnx.NodeProto, random: np.random.Generator) -> None:
    if len(node.input) > 1:
        first, second = random.permutation(len(node.input))[:2]
        node.input[first], node.input[second] = node.input[second], node.input[first]


def _rewire(graph: onnx.GraphProto, random: np.random.Generator) -> None:
    """An operand is taken from another place before it."""
    at = int(random.integers(len(graph.node)))
    node = graph.node[at]
    if node.input:
        earlier = ["x", *(name for before in graph.node[:at] for name in before.output)]
        node.input[int(random.integers(len(node.input)))] = str(random.choice(earlier))
