"""Computes at build time what needs no request."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, prod

import numpy as np
from numpy.typing import NDArray

from dagc.ir.edit import replace_nodes, unused_name
from dagc.ir.graph import Graph, Node, NodeName, Value, ValueId
from dagc.ir.infer import operand_dtypes
from dagc.ir.ops import AsTensor, Constant, Elementwise, Expression, Item
from dagc.ir.promotion import SCALAR_DTYPES, operand
from dagc.ir.types import DType, Scalar, Tensor
from dagc.models.dtypes import to_numpy
from dagc.models.lower import LoweringNeeds, LoweringRefused, lower
from dagc.models.runner import Runner
from dagc.passes.pass_ import Context

Elements = tuple[int | float | str | bool, ...]

_MOST_ELEMENTS = 65_536
"""A larger result is left to the model: it would make the graph's text and JSON longer than the model itself."""

_OPSET = 19  # the oldest with every operator that lowering asks for; nothing of this model is kept


@dataclass(frozen=True, slots=True)
class FoldConstants:
    """Expressions and conversions of constants become constants, computed by onnxruntime as they would be later.

    What is not finite or not defined stays where it is: `1 / 0` must fail or not when a request comes, as it does
    when the graph is called as a function.

    Before:
        graph demo(row: f32[4]) -> f32[4]  # graph.py:1
          one: int       = constant 1      # graph.py:2
          two: int       = constant 2      # graph.py:3
          half: float    = one / two       # graph.py:4
          halved: f32[4] = row * half      # graph.py:5
          return halved

    After:
        graph demo(row: f32[4]) -> f32[4]  # graph.py:1
          one: int       = constant 1      # graph.py:2
          two: int       = constant 2      # graph.py:3
          half: float    = constant 0.5    # graph.py:4
          halved: f32[4] = row * half      # graph.py:5
          return halved
    """

    name: str = "fold-constants"

    def run(self, graph: Graph, context: Context) -> Graph:
        """The graph with constants computed."""
        known: dict[ValueId, Constant] = {}
        folded: dict[NodeName, tuple[Node, ...]] = {}
        taken: set[str] = {node.name for node in graph.nodes}
        for node in graph.nodes:
            if isinstance(node.op, Constant):
                known[node.outputs[0].id] = node.op
            elif node.inputs and all(value in known for value in node.inputs):
                constants = _computed(node, [known[value] for value in node.inputs])
                if constants is not None:
                    known |= {value.id: c for value, c in zip(node.outputs, constants, strict=True)}
                    folded[node.name] = tuple(_constant_nodes(node, constants, taken))
        return replace_nodes(graph, folded)


def _constant_nodes(node: Node, constants: Sequence[Constant], taken: set[str]) -> Iterator[Node]:
    for place, (value, constant) in enumerate(zip(node.outputs, constants, strict=True)):
        name = node.name if place == 0 else NodeName(unused_name(value.id, taken))
        taken.add(name)
        yield Node(name, constant, (), (value,), node.spans, node.placement)


def _computed(node: Node, inputs: Sequence[Constant]) -> list[Constant] | None:
    """One constant per output, or `None` where it has to be left to the request."""
    match node.op:
        case Item():
            results: list[Elements] | None = [inputs[0].values]
        case AsTensor(dtype=dtype):
            results = _rounded(inputs[0], dtype)
        case op if isinstance(op, Expression):
            results = _run(node, op, inputs)
        case _:
            return None
    if results is None or not all(_is_finite(values) for values in results):
        return None
    return [Constant(values, value.type) for values, value in zip(results, node.outputs, strict=True)]


def _rounded(constant: Constant, dtype: DType) -> list[Elements] | None:
    array = _array(constant, dtype)
    return None if array is None else [_elements(array)]


def _run(node: Node, op: Expression, inputs: Sequence[Constant]) -> list[Elements] | None:
    types = tuple(operand(constant.type) for constant in inputs)
    dtypes = operand_dtypes(op, types)
    arrays = [_array(constant, dtype) for constant, dtype in zip(inputs, dtypes, strict=True)]
    present = [array for array in arrays if array is not None]
    outputs = tuple(_tensor(value) for value in node.outputs)
    if (
        len(present) < len(arrays)
        or not all(_is_small(tensor) for tensor in outputs)
        or _may_divide_by_zero(op, inputs)
    ):
        return None
    tensors = tuple(Tensor(dtype, array.shape) for array, dtype in zip(present, dtypes, strict=True))
    try:
        model = lower(op, tensors, outputs, opset=_OPSET)
    except (LoweringNeeds, LoweringRefused):
        return None  # lowering itself will say so, where it can name the place
    feeds = {f"in{i}": array for i, array in enumerate(present)}
    return [
        _elements(array) for array in Runner(model).run_example(feeds, [f"out{i}" for i in range(len(outputs))])
    ]


def _array(constant: Constant, dtype: DType) -> NDArray[np.generic] | None:
    """The constant as an example; `None` where a whole number does not fit the dtype."""
    try:
        return np.array(constant.values, to_numpy(dtype)).reshape(_sizes(constant))
    except OverflowError:
        return None


def _sizes(constant: Constant) -> tuple[int, ...]:
    dims = constant.type.dims if isinstance(constant.type, Tensor) else ()
    return tuple(size for size in dims or () if isinstance(size, int))


def _elements(array: NDArray[np.generic]) -> Elements:
    return tuple(array.ravel().tolist())


def _tensor(value: Value) -> Tensor:
    type = operand(value.type)
    return Tensor(SCALAR_DTYPES[type.kind], ()) if isinstance(type, Scalar) else type


def _is_small(tensor: Tensor) -> bool:
    sizes = [size for size in tensor.dims or () if isinstance(size, int)]
    return tensor.dims is not None and len(sizes) == len(tensor.dims) and prod(sizes) <= _MOST_ELEMENTS


def _may_divide_by_zero(op: Expression, inputs: Sequence[Constant]) -> bool:
    """Integer division by zero ends the process inside onnxruntime."""
    return isinstance(op, Elementwise) and op.kind in ("floordiv", "mod", "div") and 0 in inputs[1].values


def _is_finite(values: Elements) -> bool:
    return all(isfinite(value) for value in values if isinstance(value, float))
