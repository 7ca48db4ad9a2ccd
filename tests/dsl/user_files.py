"""The beginning of a user's file, and the small models of the explain pages."""

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HEADER = '''"""A graph of a test."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

import dagc
from dagc import f32, i64

Row = Annotated[NDArray[np.float32], f32(30)]
Score = Annotated[NDArray[np.float32], f32()]


class Payment(BaseModel):
    amount: float
    country: Literal["DE", "FR"]
    new: bool = False
    tags: list[str] = []


class Decision(BaseModel):
    allow: bool
    score: float


scaler = dagc.onnx("models/scaler.onnx")
score = dagc.onnx("models/score.onnx")
classifier = dagc.onnx("models/classifier.onnx")


@dagc.step
def encode(payment: Payment) -> Row:
    return np.full(30, payment.amount, np.float32)


@dagc.step
def decide(payment: Payment, score: float) -> Decision:
    return Decision(allow=score < 0.5, score=score)


'''

Port = tuple[str, int, Sequence[int | str]]


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[Port],
    outputs: Sequence[Port],
    weights: dict[str, np.ndarray] | None = None,
) -> bytes:
    """The bytes of a model of opset 17."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(*port) for port in inputs],
        [helper.make_tensor_value_info(*port) for port in outputs],
        [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def scaler() -> bytes:
    """f32[N, 30] -> f32[N, 30]: half of it."""
    nodes = [helper.make_node("Mul", ["x", "half"], ["scaled"])]
    half = {"half": np.array(0.5, np.float32)}
    return model(nodes, [("x", TensorProto.FLOAT, ["N", 30])], [("scaled", TensorProto.FLOAT, ["N", 30])], half)


def score() -> bytes:
    """f32[N, 30] -> f32[N]: the mean."""
    nodes = [helper.make_node("ReduceMean", ["x"], ["score"], axes=[1], keepdims=0)]
    return model(nodes, [("x", TensorProto.FLOAT, ["N", 30])], [("score", TensorProto.FLOAT, ["N"])])


def classifier() -> bytes:
    """f32[N, 30] -> label i64[N], probabilities f32[N, 3]: softmax of the first three columns."""
    nodes = [
        helper.make_node("Slice", ["x", "starts", "ends", "axes"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["logits"], ["label"], axis=1, keepdims=0),
    ]
    weights = {name: np.array([value], np.int64) for name, value in (("starts", 0), ("ends", 3), ("axes", 1))}
    outputs: list[Port] = [
        ("label", TensorProto.INT64, ["N"]),
        ("probabilities", TensorProto.FLOAT, ["N", 3]),
    ]
    return model(nodes, [("x", TensorProto.FLOAT, ["N", 30])], outputs, weights)


def columns() -> bytes:
    """`age` f32[N, 1], `country` str[N, 1] -> probabilities f32[N, 2]: the age, and the age again."""
    nodes = [
        helper.make_node("Concat", ["age", "age"], ["probabilities"], axis=1),
        helper.make_node("Identity", ["country"], ["unused"]),
    ]
    inputs: list[Port] = [("age", TensorProto.FLOAT, ["N", 1]), ("country", TensorProto.STRING, ["N", 1])]
    return model(nodes, inputs, [("probabilities", TensorProto.FLOAT, ["N", 2])])


MODELS = (scaler, score, classifier, columns)
