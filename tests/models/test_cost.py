"""Estimates tell models of microseconds from models of many milliseconds, and say when they cannot tell."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dagc.models.cost import estimated_ms
from tests.running import ROOT


def dense(width: int, layers: int, rows: str | int = "N") -> bytes:
    names = [f"x{at}" for at in range(layers + 1)]
    weights = [numpy_helper.from_array(np.zeros((width, width), np.float32), f"w{at}") for at in range(layers)]
    nodes = [helper.make_node("MatMul", [names[at], f"w{at}"], [names[at + 1]]) for at in range(layers)]
    return made(nodes, [rows, width], [rows, width], names[-1], weights)


def made(nodes, shape, out_shape, output, initializers=()) -> bytes:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, out_shape)],
        list(initializers),
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def test_a_larger_model_costs_more():
    small, large, deep = dense(8, 1), dense(1024, 1), dense(1024, 8)
    costs = [estimated_ms(model) for model in (small, large, deep)]
    assert None not in costs and costs == sorted(costs) and len(set(costs)) == 3


def test_a_convolution_is_counted_by_its_products():
    weight = numpy_helper.from_array(np.zeros((64, 3, 7, 7), np.float32), "w")
    node = helper.make_node("Conv", ["x0", "w"], ["y"], kernel_shape=[7, 7], strides=[2, 2], pads=[3, 3, 3, 3])
    cost = estimated_ms(made([node], ["N", 3, 224, 224], ["N", 64, 112, 112], "y", [weight]))
    products = 64 * 112 * 112 * 3 * 7 * 7
    assert cost is not None and 0.5 * products / 4e6 < cost < 2 * products / 4e6


def test_free_sizes_are_not_guessed():
    weight = numpy_helper.from_array(np.zeros((8, 3, 3, 3), np.float32), "w")
    node = helper.make_node("Conv", ["x0", "w"], ["y"], kernel_shape=[3, 3])
    assert estimated_ms(made([node], ["N", 3, "H", "W"], ["N", 8, "H2", "W2"], "y", [weight])) is None


def test_what_is_no_model_has_no_estimate():
    assert estimated_ms(b"not a model") is None


def test_the_models_of_the_benchmark_are_small():
    for path in sorted((ROOT / "benchmarks" / "workloads" / "models").glob("*.onnx")):
        onnx.load(path)
        cost = estimated_ms(path.read_bytes())
        assert cost is not None and cost < 1.0, path.name
