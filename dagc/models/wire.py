"""A named edge between the parts of a merged model: its value, and what both ends say about its type."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

Dims = tuple[int | str | None, ...] | None

BATCH = "N"
"""The name of axis 0 of every input of a merged model."""


class MergeRefused(Exception):
    """The parts cannot become one model; `reason` is a sentence for a remark."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Wire:
    """An edge. `value` is its name inside the merged model, `dtype` ONNX's number of the element type.

    `source` names the part that produces it or, for a feed, the first that reads it.
    """

    value: str
    dtype: int
    dims: Dims
    source: str


def declared(value: "onnx.ValueInfoProto", what: str) -> tuple[int, Dims]:
    """The element type and sizes a model states for one of its inputs or outputs."""
    tensor = value.type.tensor_type
    if not tensor.elem_type:
        raise MergeRefused(f"{what} has no element type")
    if not tensor.HasField("shape"):
        return tensor.elem_type, None
    return tensor.elem_type, tuple(_size(dim) for dim in tensor.shape.dim)


def met(known: Wire, other: Wire, name: str) -> Wire:
    """The known wire with what both its ends say about its sizes: a fixed size beats a free one."""
    if known.dtype != other.dtype:
        kinds = f"{_word(known.dtype)} at `{known.source}` and {_word(other.dtype)} at `{other.source}`"
        raise MergeRefused(f"wire `{name}` is {kinds}")
    if known.dims is None or other.dims is None:
        return replace(known, dims=other.dims if known.dims is None else known.dims)
    if len(known.dims) != len(other.dims):
        ranks = f"{len(known.dims)} axes at `{known.source}` and {len(other.dims)} at `{other.source}`"
        raise MergeRefused(f"wire `{name}` has {ranks}")
    pairs = list(zip(known.dims, other.dims, strict=True))
    for axis, (a, b) in enumerate(pairs):
        if isinstance(a, int) and isinstance(b, int) and a != b:
            raise MergeRefused(
                f"axis {axis} of wire `{name}` is {a} at `{known.source}` and {b} at `{other.source}`"
            )
    return replace(known, dims=tuple(b if isinstance(b, int) and not isinstance(a, int) else a for a, b in pairs))


def port(name: str, wire: Wire, *, named: bool) -> "onnx.ValueInfoProto":
    """An input or output of the wire's type; names of free sizes only where `named`.

    onnxruntime takes equal names for equal sizes and lets such values share a buffer, so two models' accidental
    `T` must not become one: names stay on inputs only.
    """
    from onnx import helper

    if wire.dims is None:
        return helper.make_tensor_value_info(name, wire.dtype, None)
    dims = [dim if isinstance(dim, int) or named else None for dim in wire.dims]
    if named and dims and not isinstance(dims[0], int):
        dims[0] = BATCH
    return helper.make_tensor_value_info(name, wire.dtype, dims)


def forget_size_names(body: "onnx.GraphProto") -> None:
    """Drop the names of free sizes inside a nested graph, for the same reason."""
    for value in (*body.input, *body.output):
        for dim in value.type.tensor_type.shape.dim if value.type.tensor_type.HasField("shape") else ():
            dim.ClearField("dim_param")
    body.ClearField("value_info")


def _size(dim: "onnx.TensorShapeProto.Dimension") -> int | str | None:
    if dim.HasField("dim_value"):
        return dim.dim_value if dim.dim_value >= 0 else None  # Paddle writes -1 for a size that is free
    return dim.dim_param or None


def _word(dtype: int) -> str:
    from onnx import TensorProto

    name: str = TensorProto.DataType.Name(dtype)
    return name
