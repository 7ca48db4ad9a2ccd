"""Graph files of any size for `benchmarks.scale`: what a node is depends on the kind."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH = 8
OPERATORS = (1, 3, 10, 30, 100)
"""Operators of the models that are called in turn."""

_HEAD = """
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(8)]
"""
_STEP = """

@dagc.step
def step(row: Row) -> Row:
    return row
"""

Lines = Sequence[str]


def write_graph(kind: str, nodes: int, folder: Path) -> Path:
    """The graph file of `nodes` calls and expressions, with its models beside it."""
    body = KINDS[kind](nodes)
    called = [f"model_{count}" for count in OPERATORS if any(f"model_{count}(" in line for line in body)]
    for name in called:
        (folder / f"{name}.onnx").write_bytes(_model(int(name.removeprefix("model_"))))
    handles = "".join(f'{name} = dagc.onnx("{name}.onnx")\n' for name in called)
    lines = "".join(f"    {line}\n" for line in body)
    graph = f"@dagc.graph(deadline_s=60)\ndef synthetic(row: Row) -> Row:\n{lines}    return row\n"
    file = folder / "graph.py"
    file.write_text(f"{_HEAD}{handles}{_STEP}\n\n{graph}", encoding="utf-8")
    return file


def _steps(nodes: int) -> Lines:
    return ["row = step(row)"] * nodes


def _elementwise(nodes: int) -> Lines:
    return [f"row = row * {1 + place % 7 / 1000}" for place in range(nodes)]


def _models(nodes: int) -> Lines:
    """All five again and again, each time in another order: no stretch of the graph is like another one."""
    rng = random.Random(nodes)
    operators = [count for _ in range(0, nodes, len(OPERATORS)) for count in rng.sample(OPERATORS, len(OPERATORS))]
    return [f"row = model_{count}(row)" for count in operators[:nodes]]


def _wide(nodes: int) -> Lines:
    """Models that do not wait for each other, and a mean of all of them."""
    names = [f"y{place}" for place in range(max(1, nodes // 2))]
    lines = [f"{name} = model_1(row * {place + 0.5})" for place, name in enumerate(names)]
    return [*lines, f"row = dagc.mean({', '.join(names)})"]


def _mixed(nodes: int) -> Lines:
    """Eight lines again and again: a step, models and arithmetic, some of them independent."""
    block = (
        "row = step(row)", "a = model_10(row)", "b = model_3(row)", "row = (a + b) * 0.5", "c = model_1(row)",
        "d = model_30(row)", "row = dagc.maximum(c, d)", "row = row - a",
    )  # fmt: skip
    return [*block] * max(1, nodes // len(block))


KINDS: dict[str, Callable[[int], Lines]] = {
    "steps": _steps,
    "elementwise": _elementwise,
    "models": _models,
    "wide": _wide,
    "mixed": _mixed,
}


def _model(operators: int) -> bytes:
    """A chain of `operators` operators on a row of numbers that stay small."""
    nodes, name = [], "row"
    for place in range(operators):
        made = "out" if place == operators - 1 else f"v{place}"
        kinds = (("Tanh", [name]), ("Add", [name, "shift"]), ("Mul", [name, "scale"]))
        kind, inputs = kinds[place % len(kinds)]
        nodes.append(helper.make_node(kind, inputs, [made]))
        name = made
    rng = np.random.default_rng(operators)
    weights = {"shift": rng.normal(0, 0.1, WIDTH), "scale": rng.uniform(0.5, 1, WIDTH)}
    used = {source for node in nodes for source in node.input}
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, ["N", WIDTH])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", WIDTH])],
        [numpy_helper.from_array(w.astype(np.float32), n) for n, w in weights.items() if n in used],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    written: bytes = model.SerializeToString(deterministic=True)
    return written
