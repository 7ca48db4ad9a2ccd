"""What a run of one example should take, from the model's operators and sizes: a guess for want of a measurement.

Constants are round numbers of one core of a server of these years; a guess within a factor of three is a good one.
It tells models of microseconds from models of many milliseconds, which is what is decided by it.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dagc.models.inferred_shapes import with_inferred_shapes
from dagc.models.model_error import ModelError
from dagc.models.proto import parse

if TYPE_CHECKING:
    import onnx

_RUN_MS = 0.015
"""onnxruntime's own cost of a run."""
_NODE_MS = 0.002
_FLOPS_A_MS = 8e6
_BYTES_A_MS = 8e6
"""Weights are read once a run: a matrix times one row is bound by memory."""
_ELEMENTS_A_MS = 1e6
"""Everything that is no product: one element of the output each nanosecond."""
_TREE_LEVEL_MS = 1e-5
"""A comparison in a tree, whose next node lies elsewhere in memory."""
_PRODUCTS = frozenset({"MatMul", "Gemm", "Conv", "ConvTranspose", "MatMulInteger", "QLinearMatMul", "QLinearConv"})
_LOOPING = frozenset({"Loop", "Scan", "LSTM", "GRU", "RNN", "If"})

Shape = tuple[int | None, ...]


def estimated_ms(model: bytes) -> float | None:
    """Milliseconds of a run of one example, or `None` when sizes are free or a loop decides it."""
    try:
        proto = with_inferred_shapes(_of_one_example(parse(model)))
    except (ModelError, RuntimeError, ValueError, TypeError):  # what onnx's inference raises
        return None
    shapes = _shapes(proto)
    total = _RUN_MS
    for node in proto.graph.node:
        cost = _node_ms(node, shapes)
        if cost is None:
            return None
        total += cost
    return float(f"{total:.2g}")


def least_ms(model: bytes, operators: int) -> float:
    """Milliseconds that a run of one example takes at least, whatever its sizes: calls, reading the weights."""
    return _RUN_MS + _NODE_MS * operators + len(model) / _BYTES_A_MS


def _of_one_example(proto: "onnx.ModelProto") -> "onnx.ModelProto":
    """The model with 1 on the first axis of its inputs."""
    stored = {tensor.name for tensor in proto.graph.initializer}
    for value in proto.graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name not in stored and dims:
            dims[0].Clear()
            dims[0].dim_value = 1
    return proto


def _shapes(proto: "onnx.ModelProto") -> dict[str, Shape]:
    found: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in proto.graph.initializer}
    for value in (*proto.graph.input, *proto.graph.value_info, *proto.graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape"):
            sizes = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
            found[value.name] = tuple(sizes)
    return found


def _node_ms(node: "onnx.NodeProto", shapes: Mapping[str, Shape]) -> float | None:
    kind = node.op_type
    if kind in _LOOPING:
        return None
    if kind.startswith("TreeEnsemble"):
        return _NODE_MS + _levels(node) * _TREE_LEVEL_MS
    made = _elements(shapes.get(node.output[0])) if node.output else 0.0
    if kind not in _PRODUCTS:
        # Operators of ai.onnx.ml have rows whose length is not inferred: they are short.
        return _NODE_MS + (made or 0.0) / _ELEMENTS_A_MS
    products = _products(node, made, shapes)
    if products is None:
        return None
    weights = _elements(shapes.get(node.input[1])) or 0.0
    return _NODE_MS + max(2.0 * products / _FLOPS_A_MS, 4.0 * weights / _BYTES_A_MS)


def _products(node: "onnx.NodeProto", made: float | None, shapes: Mapping[str, Shape]) -> float | None:
    """Multiplications of one run; of a row times a matrix where the row's shape was not inferred."""
    depth = _depth(node, shapes)
    if made is not None and depth is not None:
        return made * depth
    weights = shapes.get(node.input[1], ())
    return _elements(weights) if len(weights) == 2 and node.op_type in ("MatMul", "Gemm") else None


def _depth(node: "onnx.NodeProto", shapes: Mapping[str, Shape]) -> float | None:
    """How many products are added up for one element of the output."""
    if node.op_type.endswith(("Conv", "ConvTranspose")):
        weight = shapes.get(node.input[3 if node.op_type == "QLinearConv" else 1])
        return _elements(weight[1:]) if weight else None
    left = shapes.get(node.input[0])
    if not left:
        return None
    swapped = any(each.name == "transA" and each.i for each in node.attribute)
    depth = left[0] if swapped else left[-1]
    return None if depth is None else float(depth)


def _levels(node: "onnx.NodeProto") -> float:
    """Comparisons of one row: the depth of every tree, as if they were balanced."""
    attributes = {each.name: each for each in node.attribute}
    if "nodes_treeids" in attributes:
        nodes = len(attributes["nodes_treeids"].ints)
        trees = len(set(attributes["nodes_treeids"].ints))
    else:  # ai.onnx.ml 5: inner nodes only, and a root for each tree
        nodes = 2 * len(attributes["nodes_modes"].t.raw_data) if "nodes_modes" in attributes else 0
        trees = len(attributes["tree_roots"].ints) if "tree_roots" in attributes else 1
    return trees * math.log2(max(2.0, nodes / max(1, trees)))


def _elements(shape: Shape | None) -> float | None:
    count = 1.0
    for dim in () if shape is None else shape:
        if dim is None:
            return None
        count *= dim
    return None if shape is None else count
