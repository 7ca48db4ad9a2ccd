"""Small real ONNX models for tests, made by `onnx.helper`."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str | None]
FLOAT, INT64, STRING, DOUBLE = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING, TensorProto.DOUBLE


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[tuple[str, int, Shape | None]],
    outputs: Sequence[tuple[str, int, Shape | None]],
    constants: dict[str, np.ndarray] | None = None,
) -> bytes:
    """A checked model of opset 17 (and ai.onnx.ml 3 where a node is of it)."""
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        [helper.make_tensor_value_info(*port) for port in inputs],
        [helper.make_tensor_value_info(*port) for port in outputs],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    if any(node.domain == "ai.onnx.ml" for node in nodes):
        opsets.append(helper.make_opsetid("ai.onnx.ml", 3))
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(proto)
    return proto.SerializeToString()


def scaler(size: int = 3, factor: float = 2.0) -> bytes:
    """f32[N,size] -> f32[N,size], input `x`, output `scaled`."""
    nodes = [helper.make_node("Mul", ["x", "factor"], ["scaled"])]
    shape = ["N", size]
    return model(nodes, [("x", FLOAT, shape)], [("scaled", FLOAT, shape)], {"factor": np.float32([factor])})


def score(size: int = 3) -> bytes:
    """f32[N,size] -> f32[N], input `x`, output `score`: the sum of a row."""
    nodes = [helper.make_node("ReduceSum", ["x", "axis"], ["score"], keepdims=0)]
    return model(nodes, [("x", FLOAT, ["N", size])], [("score", FLOAT, ["N"])], {"axis": np.array([1], np.int64)})


def drawing(size: int = 3) -> bytes:
    """f32[N,size] -> f32[N,size], input `x`, output `y`: noise on top."""
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["drawn"]),
        helper.make_node("Add", ["x", "drawn"], ["y"]),
    ]
    return model(nodes, [("x", FLOAT, ["N", size])], [("y", FLOAT, ["N", size])])


def free() -> bytes:
    """f32[N,T,8] -> f32[N,T,8], input `x`, output `y`."""
    shape = ["N", "T", 8]
    return model([helper.make_node("Identity", ["x"], ["y"])], [("x", FLOAT, shape)], [("y", FLOAT, shape)])


def pair() -> bytes:
    """Inputs `a`, `b` f32[N,T] -> `y` f32[N,T]: their sum."""
    shape = ["N", "T"]
    nodes = [helper.make_node("Add", ["a", "b"], ["y"])]
    return model(nodes, [("a", FLOAT, shape), ("b", FLOAT, shape)], [("y", FLOAT, shape)])


def columns() -> bytes:
    """`age` f32[N,1], `country` str[N,1] -> `age_out` f32[N,1], `country_out` str[N,1]."""
    nodes = [
        helper.make_node("Identity", ["age"], ["age_out"]),
        helper.make_node("Identity", ["country"], ["country_out"]),
    ]
    one: Shape = ["N", 1]
    return model(
        nodes,
        [("age", FLOAT, one), ("country", STRING, one)],
        [("age_out", FLOAT, one), ("country_out", STRING, one)],
    )


def anything() -> bytes:
    """f32[N,3] -> `y` f32[N,?]: a shape the file does not tell."""
    nodes = [helper.make_node("Compress", ["x", "keep"], ["y"], axis=1)]
    return model(
        nodes, [("x", FLOAT, ["N", 3])], [("y", FLOAT, ["N", None])], {"keep": np.array([True, True, False])}
    )


def stump(threshold: float) -> bytes:
    """f32[N,2] -> `y` f32[N,1]: 1 where `x[0]` is over the threshold, else 0; one decision tree."""
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["y"],
        domain="ai.onnx.ml",
        n_targets=1,
        nodes_treeids=[0, 0, 0],
        nodes_nodeids=[0, 1, 2],
        nodes_featureids=[0, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"],
        nodes_values=[threshold, 0.0, 0.0],
        nodes_truenodeids=[1, 0, 0],
        nodes_falsenodeids=[2, 0, 0],
        target_treeids=[0, 0],
        target_nodeids=[1, 2],
        target_ids=[0, 0],
        target_weights=[0.0, 1.0],
    )
    return model([node], [("x", FLOAT, ["N", 2])], [("y", FLOAT, ["N", 1])])


def centred(size: int = 3) -> bytes:
    """f32[N,size] -> `y` f32[N,size]: minus the mean over the batch, so rows do depend on each other."""
    shape = ["N", size]
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
        helper.make_node("Sub", ["x", "mean"], ["y"]),
    ]
    return model(nodes, [("x", FLOAT, shape)], [("y", FLOAT, shape)])
