"""What is known of each value of a graph while rows are followed: its kind, its dims, its content if constant."""

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx

Kind = Literal["rows", "row line", "row count"]
ROWS: Kind = "rows"
"""Axis 0 is the batch, and row i was computed from row i of the inputs."""
ROW_LINE: Kind = "row line"
"""A tensor `[1, rows]`: one element a row, the batch lying along axis 1."""
ROW_COUNT: Kind = "row count"
"""A vector whose first element is the size of the batch and whose others are constant."""


class Values:
    """The values of one graph, by name. Those of no kind do not depend on the inputs."""

    def __init__(self, graph: "onnx.GraphProto") -> None:
        self._kinds: dict[str, Kind] = {}
        self._stored = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                self._stored.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
        known = (*graph.input, *graph.value_info, *graph.output)
        self._types = {value.name: value.type.tensor_type for value in known}
        self.inputs = tuple(value.name for value in graph.input if value.name not in self._stored)
        self.outputs = tuple(value.name for value in graph.output)

    def kind(self, name: str) -> Kind | None:
        """How the value depends on the inputs; `None` when it does not."""
        return self._kinds.get(name)

    def mark(self, name: str, kind: Kind) -> None:
        """Note how a value depends on the inputs."""
        self._kinds[name] = kind

    def dims(self, name: str) -> tuple[int | str | None, ...] | None:
        """The sizes shape inference found; `None` when not even the rank is known."""
        if name in self._stored:
            return tuple(self._stored[name].dims)
        if name not in self._types or not self._types[name].HasField("shape"):
            return None
        return tuple(
            dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None
            for dim in self._types[name].shape.dim
        )

    def constant(self, name: str) -> NDArray[np.generic] | None:
        """The elements of an initializer or of a `Constant` node with a tensor."""
        from onnx import numpy_helper

        return numpy_helper.to_array(self._stored[name]) if name in self._stored else None
