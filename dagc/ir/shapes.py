"""Sizes of one example: broadcasting, axes and indexing over fixed, named and unknown dims."""

from collections.abc import Sequence

from dagc.ir.mismatch import RefusedError
from dagc.ir.ops import Slice
from dagc.ir.types import Dim, Scalar, Tensor

Dims = tuple[Dim, ...] | None


def broadcast(operands: Sequence[Tensor | Scalar]) -> Dims:
    """The dims of the operands together, by NumPy's rule (`None`: a rank is unknown). E0203 if they differ."""
    result: Dims = ()
    for dims in (o.dims if isinstance(o, Tensor) else () for o in operands):
        if result is None or dims is None:
            return None
        result = _broadcast(result, dims, operands)
    return result


def same(operands: Sequence[Tensor], doing: str, *, except_axis: int | None = None) -> Dims:
    """The dims all operands share, none of them stretched; `except_axis` is not compared and comes out unknown."""
    ranks = {None if o.dims is None else len(o.dims) for o in operands}
    if len(ranks - {None}) > 1:
        raise RefusedError("E0203", f"cannot {doing} {_shown(operands)}: they have different numbers of axes")
    if None in ranks:
        return None
    columns = list(zip(*(o.dims for o in operands if o.dims is not None), strict=True))
    dims: list[Dim] = []
    for axis, column in enumerate(columns):
        sizes = {size for size in column if isinstance(size, int)}
        if len(sizes) > 1 and axis != except_axis:
            raise RefusedError(
                "E0203", f"cannot {doing} {_shown(operands)}: axis {axis} has sizes {_listed(sorted(sizes))}"
            )
        dims.append(None if axis == except_axis or len(set(column)) > 1 else column[0])
    return tuple(dims)


def position(axis: int, rank: int, what: str) -> int:
    """The axis counted from the front. E0205 when `what` (for the message) has no such axis."""
    if -rank <= axis < rank:
        return axis % rank
    raise RefusedError(
        "E0205",
        f"axis {axis} is out of range for {what}, which has {_count(rank, 'axis', 'axes')}",
        "axes count within one example: the batch axis is not among them",
    )


def indexed(tensor: Tensor, items: Sequence[int | Slice]) -> Dims:
    """The dims of `tensor[items]`. E0205 for too many items or an integer outside a fixed size."""
    if tensor.dims is None:
        return None
    if len(items) > len(tensor.dims):
        raise RefusedError(
            "E0205",
            f"{_count(len(items), 'index', 'indices')} for `{tensor}`, which has "
            f"{_count(len(tensor.dims), 'axis', 'axes')}",
            "axes count within one example: the batch axis is not among them",
        )
    kept: list[Dim] = []
    for item, size in zip(items, tensor.dims, strict=False):
        if isinstance(item, Slice):
            kept.append(_sliced(item, size))
        elif isinstance(size, int) and not -size <= item < size:
            raise RefusedError("E0205", f"index {item} is out of range for an axis of size {size} of `{tensor}`")
    return (*kept, *tensor.dims[len(items) :])


def _broadcast(a: tuple[Dim, ...], b: tuple[Dim, ...], operands: Sequence[Tensor | Scalar]) -> tuple[Dim, ...]:
    rank = max(len(a), len(b))
    pairs = zip((1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b, strict=True)
    return tuple(_stretch(x, y, axis, operands) for axis, (x, y) in enumerate(pairs))


def _stretch(a: Dim, b: Dim, axis: int, operands: Sequence[Tensor | Scalar]) -> Dim:
    if a == b or b == 1:
        return a
    if a == 1:
        return b
    if isinstance(a, int) and isinstance(b, int):
        raise RefusedError(
            "E0203",
            f"shapes {_shown(operands)} do not agree: axis {axis} has sizes {a} and {b}",
            "sizes must be equal, or one of them 1",
        )
    return None


def _sliced(item: Slice, size: Dim) -> Dim:
    if isinstance(size, int):
        return len(range(*slice(item.start, item.stop).indices(size)))
    whole = item.start in (None, 0) and item.stop is None
    return size if whole else None


def _shown(operands: Sequence[Tensor | Scalar]) -> str:
    return _listed(list(dict.fromkeys(f"`{o}`" for o in operands)))


def _listed(words: Sequence[object]) -> str:
    *first, last = [str(word) for word in words]
    return f"{', '.join(first)} and {last}" if first else last


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
