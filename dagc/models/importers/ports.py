"""The inputs and outputs of a converted model as dagc promises them: names, element types, shapes.

A converter's own inputs stay inside behind a cast, or behind a concatenation where columns become one matrix.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dagc.models.importers.order import Column, Dim
from dagc.models.importers.retype import DOUBLE, FLOAT, INT64, STRING
from dagc.models.proto import all_graphs

if TYPE_CHECKING:
    import onnx

ELEMENTS = {
    "f16": 10, "f32": FLOAT, "f64": DOUBLE, "i8": 3, "i16": 5, "i32": 6, "i64": INT64,
    "u8": 2, "u16": 4, "u32": 12, "u64": 13, "bool": 9, "str": STRING,
}  # fmt: skip
"""ONNX's numbers of element types (TensorProto.DataType) by their names in the IR."""

BATCH = "N"


@dataclass(frozen=True, slots=True)
class Output:
    """An output of the finished model: which raw output it is, its type, and what turns one into the other.

    `column` is the only one that is wanted of a matrix, as a vector.
    """

    raw: str
    name: str
    element: int
    dims: tuple[Dim, ...]
    column: int | None = None


def set_inputs(proto: "onnx.ModelProto", columns: Sequence[Column], *, matrix: str | None) -> None:
    """Make `columns` the inputs, cast to what the model takes; all of them make the input `matrix`, if named."""
    from onnx import helper

    graph = proto.graph
    wanted = {value.name: value.type.tensor_type.elem_type for value in graph.input}
    element = {column.name: wanted[matrix or column.name] for column in columns}
    moved = {column.name for column in columns if matrix or ELEMENTS[column.dtype] != element[column.name]}
    rename(graph, {name: f"{name}_inside" for name in moved | ({matrix} if matrix else set())})
    front, parts = [], []
    for column in columns:
        part = f"{column.name}_part" if matrix else f"{column.name}_inside"
        if column.name in moved and ELEMENTS[column.dtype] != element[column.name]:
            front.append(helper.make_node("Cast", [column.name], [part], to=element[column.name]))
            parts.append(part)
        else:
            parts.append(column.name)
    if matrix:
        front.append(helper.make_node("Concat", parts, [f"{matrix}_inside"], axis=1))
    nodes = [*front, *graph.node]
    del graph.node[:], graph.input[:]
    graph.node.extend(nodes)
    graph.input.extend(
        helper.make_tensor_value_info(c.name, ELEMENTS[c.dtype], [BATCH, *_sizes(c.dims)]) for c in columns
    )


def set_outputs(proto: "onnx.ModelProto", outputs: Sequence[Output]) -> None:
    """Make `outputs` the outputs."""
    from onnx import helper, numpy_helper

    graph = proto.graph
    elements = {value.name: value.type.tensor_type.elem_type for value in graph.output}
    fed = {value.name for value in graph.input}
    kept = {o.raw for o in outputs if o.column is None and elements[o.raw] == o.element and o.raw not in fed}
    at = {o.raw: o.raw if o.raw in fed else o.name if o.raw in kept else f"{o.raw}_raw" for o in outputs}
    others = {o.name: f"{o.name}_inner" for o in outputs if o.name not in at and o.name not in fed}
    rename(graph, {raw: name for raw, name in (at | others).items() if raw != name})
    tail = []
    for output in outputs:
        if output.raw in kept:
            continue
        source = at[output.raw]
        if output.column is not None:
            picked, place = f"{output.name}_picked", f"{output.name}_column"
            # `Gather` reads the same in every opset, and skl2onnx writes the oldest that will do.
            graph.initializer.append(numpy_helper.from_array(np.array(output.column, np.int64), place))
            tail.append(helper.make_node("Gather", [source, place], [picked], axis=1))
            source = picked
        same = elements[output.raw] == output.element
        if same:
            tail.append(helper.make_node("Identity", [source], [output.name]))
        else:
            tail.append(helper.make_node("Cast", [source], [output.name], to=output.element))
    graph.node.extend(tail)
    del graph.output[:]
    graph.output.extend(helper.make_tensor_value_info(o.name, o.element, [BATCH, *o.dims]) for o in outputs)


def _sizes(dims: tuple[Dim, ...]) -> list[Dim]:
    return list(dims)


def rename(graph: "onnx.GraphProto", names: Mapping[str, str]) -> None:
    """Give values other names, wherever they are made or read, in nested graphs too."""
    for inner in all_graphs(graph):
        for value in (*inner.input, *inner.output, *inner.initializer, *inner.value_info):
            value.name = names.get(value.name, value.name)
        for node in inner.node:
            node.input[:] = [names.get(name, name) for name in node.input]
            node.output[:] = [names.get(name, name) for name in node.output]
