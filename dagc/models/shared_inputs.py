"""Inputs of which a model reads row 0 for all rows: requests share a run of it only when they agree on them.

`batch_axes.py` makes them. That a node reads one is said by its name, which is what merging and pruning keep of a
node. A name that nobody has kept makes a model slower and not wrong: what reads row 0 mixes rows otherwise.
"""

from typing import TYPE_CHECKING

from dagc.models.proto import parse

if TYPE_CHECKING:
    import onnx

READS = "agreed_on/"
"""How the names of these nodes begin, behind what merging puts before them."""


def read_of_row(port: str, value: str, row: str) -> "onnx.NodeProto":
    """The node that reads row `row` of an input into `value`."""
    from onnx import helper

    return helper.make_node("Gather", [port, row], [value], name=f"{READS}{port}", axis=0)


def first_row(name: str) -> "onnx.TensorProto":
    """The index of row 0."""
    from onnx import TensorProto, helper

    return helper.make_tensor(name, TensorProto.INT64, [], [0])


def shared_reads(graph: "onnx.GraphProto") -> tuple["onnx.NodeProto", ...]:
    """The nodes that read row 0 of an input of the graph for all rows."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    inputs = {value.name for value in graph.input} - stored.keys()
    return tuple(node for node in graph.node if READS in node.name and _reads_row(node, inputs, stored))


def shared_inputs(model: bytes) -> frozenset[str]:
    """The names of the inputs that requests have to agree on."""
    if READS.encode() not in model:
        return frozenset()
    return frozenset(node.input[0] for node in shared_reads(parse(model).graph))


def _reads_row(node: "onnx.NodeProto", inputs: set[str], stored: dict[str, "onnx.TensorProto"]) -> bool:
    """Whether it is what its name says; a file may hold any name."""
    if node.op_type != "Gather" or node.domain or any(attribute.i for attribute in node.attribute):
        return False
    if len(node.input) != 2 or len(node.output) != 1:
        return False
    source, index = node.input
    return source in inputs and index in stored and _is_first(stored[index])


def _is_first(row: "onnx.TensorProto") -> bool:
    """Whether it is the whole number 0, without any axis."""
    whole = row.data_type == row.INT64 and not row.dims
    return whole and (list(row.int64_data), row.raw_data) in (([0], b""), ([], bytes(8)))
