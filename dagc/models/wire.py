"""A named edge between the parts of a merged model: its value, and what both ends say about its type."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx_ir as ir

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
    """An edge. `source` names the part that produces it or, for a feed, the first that reads it."""

    value: "ir.Value"
    dtype: "ir.DataType"
    dims: Dims
    source: str


def declared(value: "ir.Value", what: str) -> tuple["ir.DataType", Dims]:
    """The element type and sizes a model states for one of its inputs or outputs."""
    if value.dtype is None:
        raise MergeRefused(f"{what} has no element type")
    if value.shape is None:
        return value.dtype, None
    sizes = (dim if isinstance(dim, int) else dim.value for dim in value.shape.dims)
    # Paddle writes -1 for a size that is free.
    return value.dtype, tuple(None if isinstance(size, int) and size < 0 else size for size in sizes)


def met(known: Wire, other: Wire, name: str) -> Wire:
    """The known wire with what both its ends say about its sizes: a fixed size beats a free one."""
    if known.dtype is not other.dtype:
        kinds = f"{known.dtype.name} at `{known.source}` and {other.dtype.name} at `{other.source}`"
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


def set_type(value: "ir.Value", wire: Wire, *, named: bool) -> None:
    """State the wire's type on a value; names of free sizes only where `named`.

    onnxruntime takes equal names for equal sizes and lets such values share a buffer, so two models' accidental
    `T` must not become one: names stay on inputs only.
    """
    import onnx_ir as ir

    value.type = ir.TensorType(wire.dtype)
    if wire.dims is None:
        value.shape = None
        return
    dims = [dim if isinstance(dim, int) or named else None for dim in wire.dims]
    if named and dims and not isinstance(dims[0], int):
        dims[0] = BATCH
    value.shape = ir.Shape(dims)


def forget_size_names(body: "ir.Graph") -> None:
    """Drop the names of free sizes inside a nested graph, for the same reason."""
    import onnx_ir as ir

    for value in (*body.inputs, *body.outputs, *(output for node in body for output in node.outputs)):
        if value.shape is not None:
            value.shape = ir.Shape([dim if isinstance(dim, int) else None for dim in value.shape.dims])
