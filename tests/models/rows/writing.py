"""A model written operator by operator: every call adds a node and gives the name of its first output."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import helper, numpy_helper


@dataclass
class Writing:
    """The nodes and constants of one graph."""

    seed: int = 0
    opset: int = 17
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    stored: list[onnx.TensorProto] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def op(self, kind: str, *inputs: str, outputs: int = 1, domain: str = "", **attributes: object) -> str:
        """The first output of a new node."""
        names = [f"{kind}{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **attributes))
        return names[0]

    def second(self, index: int = 1) -> str:
        """A further output of the node made last."""
        return self.nodes[-1].output[index]

    def constant(self, array: object, dtype: type = np.float32) -> str:
        name = f"c{len(self.stored)}"
        self.stored.append(numpy_helper.from_array(np.asarray(array, dtype), name))
        return name

    def whole(self, *numbers: int) -> str:
        return self.constant(list(numbers), np.int64)

    def weights(self, *shape: int) -> str:
        return self.constant(self.random.normal(size=shape) / np.sqrt(max(shape[0], 1)))

    def written(self, inputs: Mapping[str, tuple[int, Sequence[int | str]]], outputs: Sequence[str]) -> bytes:
        """The model, its inputs given by element type and dims; outputs have no declared type."""
        graph = helper.make_graph(
            self.nodes,
            "written",
            [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
            [onnx.ValueInfoProto(name=name) for name in outputs],
            self.stored,
        )
        imports = [helper.make_opsetid("", self.opset), helper.make_opsetid("ai.onnx.ml", 3)]
        content: bytes = helper.make_model(graph, opset_imports=imports, ir_version=9).SerializeToString()
        return content
