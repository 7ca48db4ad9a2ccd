"""The normal form of a model whose batch lies elsewhere: rows along axis 0 of every input and output.

What stands behind this module knows of no other axis. An input `[T, N, 8]` of axis 1 becomes `[N, T, 8]` with a
`Transpose` behind it, an output has one before it, and a scalar without a batch axis becomes `[N]`, of which row 0
is read for all (`shared_inputs.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from dagc.diagnostics.suggest import did_you_mean
from dagc.models.model_error import ModelError
from dagc.models.proto import all_nodes, bodies
from dagc.models.shared_inputs import first_row, read_of_row
from dagc.models.unique_names import UniqueNames

if TYPE_CHECKING:
    import onnx

_Message = TypeVar("_Message", "onnx.NodeProto", "onnx.TensorShapeProto.Dimension")

BatchAxes = Mapping[str, int | None]
"""The batch axis of inputs and outputs by name, 0 of those left out; `None`: the value is one for all rows."""

_KINDS = ("input", "output")
_OLDEST_IR = 4
"""Before it every tensor had to be an input as well."""


def with_batch_axes(proto: "onnx.ModelProto", axes: BatchAxes, name: str) -> bool:
    """Bring the model into normal form; whether anything had to be changed.

    Args:
        proto: The model, which is changed.
        axes: What is declared.
        name: What the model is called in messages.

    Raises:
        ModelError: E0460 for what is no input or output, E0461 for an axis it has not, E0405 for one of a fixed
            size.
    """
    ports = _ports(proto.graph)
    _are_ports(axes, ports, name)
    moved = {port: axis for port, axis in axes.items() if axis != 0}
    for port, axis in moved.items():
        kind, value = ports[port]
        _has_axis(kind, value, axis)
    if moved:
        _move(proto, moved, ports)
    return bool(moved)


_Ports = Mapping[str, tuple[str, "onnx.ValueInfoProto"]]


def _ports(graph: "onnx.GraphProto") -> _Ports:
    stored = {tensor.name for tensor in graph.initializer}
    outputs = {value.name: ("output", value) for value in graph.output}
    return outputs | {value.name: ("input", value) for value in graph.input if value.name not in stored}


def _are_ports(axes: BatchAxes, ports: _Ports, name: str) -> None:
    unknown = [port for port in axes if port not in ports]
    if not unknown:
        return
    help = did_you_mean(unknown[0], tuple(ports))
    raise ModelError("E0460", f"model `{name}` has no input or output `{unknown[0]}`", help=help)


def _has_axis(kind: str, value: "onnx.ValueInfoProto", axis: int | None) -> None:
    """Refuse an axis along which no rows can lie."""
    what = f"{kind} `{value.name}`"
    if not value.type.tensor_type.HasField("shape"):
        message = f"the file does not say what axes {what} has"
        raise ModelError("E0461", message, help="export the model with shapes, be their sizes free")
    dims = value.type.tensor_type.shape.dim
    if axis is None and kind == "output":
        message = f"{what} is declared without a batch axis"
        help = "every output has a row for each request: declare its axis; what is one for all is no answer"
        raise ModelError("E0461", message, help=help)
    if axis is None:
        return
    if axis >= len(dims):
        message = f"{what} has no axis {axis}: {_axes_of(len(dims))}"
        agreed = "`None` declares that requests share a run only when they agree on it"
        raise ModelError("E0461", message, help=agreed if kind == "input" else None)
    if _is_fixed(dims[axis]) and dims[axis].dim_value != 1:
        message = f"{what} has no batch axis: its axis {axis} is fixed to {dims[axis].dim_value}"
        raise ModelError("E0405", message, help=f"export the model with a free axis {axis} on `{value.name}`")


def _axes_of(rank: int) -> str:
    if rank == 0:
        return "it is a single number"
    return f"it has {rank}, counted from 0" if rank > 1 else "it has axis 0 only"


def _is_fixed(dim: "onnx.TensorShapeProto.Dimension") -> bool:
    return dim.HasField("dim_value") and dim.dim_value >= 0  # -1 is an old spelling of "any"


def _move(proto: "onnx.ModelProto", moved: BatchAxes, ports: _Ports) -> None:
    graph = proto.graph
    names = UniqueNames(_names(graph))
    inside = {port: names.unique(f"{port}/file") for port in moved}
    row = names.unique("row")
    bridges = {port: _bridge(*ports[port], axis, inside[port], row) for port, axis in moved.items()}
    rows = _rows(moved, ports)
    for port, axis in moved.items():
        _make_rows_first(ports[port][1], axis, rows)
    for value in graph.output:
        if ports[value.name][0] == "input":
            value.type.CopyFrom(ports[value.name][1].type)  # an input that is given back as it came
    _rename(graph.node, inside)
    for value in graph.value_info:
        value.name = inside.get(value.name, value.name)
    if None in moved.values():
        graph.initializer.append(first_row(row))
        proto.ir_version = max(proto.ir_version, _OLDEST_IR)
    before, after = ([node for port, node in bridges.items() if ports[port][0] == kind] for kind in _KINDS)
    nodes = [_copy(node) for node in (*before, *graph.node, *after)]
    del graph.node[:]
    graph.node.extend(nodes)


def _bridge(kind: str, value: "onnx.ValueInfoProto", axis: int | None, inside: str, row: str) -> "onnx.NodeProto":
    """The node between a port and what the file's own nodes read or make."""
    if axis is None:
        return read_of_row(value.name, inside, row)
    rank = len(value.type.tensor_type.shape.dim)
    front = _front(axis, rank)
    if kind == "output":
        return _transpose(inside, value.name, front)
    return _transpose(value.name, inside, [front.index(at) for at in range(rank)])


def _front(axis: int, rank: int) -> list[int]:
    """The axes with one of them in front."""
    return [axis, *(other for other in range(rank) if other != axis)]


def _transpose(source: str, value: str, perm: Sequence[int]) -> "onnx.NodeProto":
    from onnx import helper

    return helper.make_node("Transpose", [source], [value], name=f"{source}/Transpose", perm=perm)


def _make_rows_first(
    value: "onnx.ValueInfoProto", axis: int | None, rows: "onnx.TensorShapeProto.Dimension"
) -> None:
    dims = [_copy(dim) for dim in value.type.tensor_type.shape.dim]
    del value.type.tensor_type.shape.dim[:]
    moved = [rows, *dims] if axis is None else [dims[at] for at in _front(axis, len(dims))]
    value.type.tensor_type.shape.dim.extend(moved)


def _rows(moved: BatchAxes, ports: _Ports) -> "onnx.TensorShapeProto.Dimension":
    """The batch's size as another input has it: free if it is free in one, else 1."""
    import onnx

    inputs = {port: value for port, (kind, value) in ports.items() if kind == "input"}
    axes = {port: moved.get(port, 0) for port in inputs}
    sizes = (
        inputs[port].type.tensor_type.shape.dim[axis]
        for port, axis in axes.items()
        if axis is not None and axis < len(inputs[port].type.tensor_type.shape.dim)
    )
    alone = onnx.TensorShapeProto.Dimension(dim_value=1)
    return next((_copy(size) for size in sizes if not _is_fixed(size)), alone)


def _names(graph: "onnx.GraphProto") -> Iterator[str]:
    """Every name that stands for a value somewhere in the graph."""
    yield from (value.name for value in (*graph.input, *graph.output, *graph.initializer))
    for node in all_nodes(graph.node):
        yield from (*node.input, *node.output)


def _copy(message: _Message) -> _Message:
    copied = type(message)()
    copied.CopyFrom(message)
    return copied


def _rename(nodes: Sequence["onnx.NodeProto"], names: Mapping[str, str]) -> None:
    """Give values other names, but inside of bodies that have values of those names of their own."""
    for node in nodes:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for body in bodies(node):
            own = {value.name for value in (*body.input, *body.initializer)}
            own.update(name for inner in body.node for name in inner.output)
            free = {old: new for old, new in names.items() if old not in own}
            _rename(body.node, free)
            for value in body.output:
                value.name = free.get(value.name, value.name)
