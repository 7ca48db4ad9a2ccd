"""Typing of operations that know about axes: reductions, joins, indexing, selection and voting."""

from collections.abc import Sequence
from typing import assert_never

from dagc.ir.mismatch import RefusedError
from dagc.ir.ops import ArgMax, Concat, Index, Normalise, Reduce, Softmax, Stack, TopK, Vote
from dagc.ir.promotion import FLOATS, INTEGERS, NUMBERS, SCALAR_DTYPES, UNSIGNED, common
from dagc.ir.shapes import Dims, indexed, position, same
from dagc.ir.types import DType, Scalar, Tensor, Type

AxisOp = Reduce | ArgMax | Softmax | Normalise | TopK | Concat | Stack | Index | Vote


def axis_types(op: AxisOp, operands: Sequence[Tensor | Scalar]) -> tuple[Type, ...]:
    """The types of the outputs. Raises `RefusedError` with E0203, E0204, E0205 or E0207."""
    match op:
        case Concat():
            return (_concat(op, operands),)
        case Stack():
            return (_stack(op, operands),)
        case Vote():
            return (_vote(operands),)
        case Reduce():
            return (_reduce(op, _only(op, operands)),)
        case ArgMax():
            tensor = _numbers(op, _only(op, operands))
            return (Tensor(DType.I64, _without(tensor, op.axis)),)
        case Softmax() | Normalise():
            return (_along(op, _only(op, operands)),)
        case TopK():
            return _top_k(op, _only(op, operands))
        case Index():
            tensor = _only(op, operands)
            return (Tensor(tensor.dtype, indexed(tensor, op.items)),)
        case _:
            assert_never(op)


def _reduce(op: Reduce, tensor: Tensor) -> Tensor:
    dims = () if op.axis is None else _without(tensor, op.axis)
    match op.kind:
        case "min" | "max":
            return Tensor(_numbers(op, tensor).dtype, dims)
        case "mean":
            dtype = _not_text(op, tensor)
            return Tensor(dtype if dtype in FLOATS else DType.F64, dims)
        case "sum":
            dtype = _not_text(op, tensor)
            if dtype in FLOATS:
                return Tensor(dtype, dims)
            # NumPy: integers are summed in 64 bits of their own signedness
            return Tensor(DType.U64 if dtype in UNSIGNED else DType.I64, dims)


def _along(op: Softmax | Normalise, tensor: Tensor) -> Tensor:
    if tensor.dtype not in FLOATS:
        raise RefusedError("E0204", f"{_name(op)} needs floating point numbers, not `{tensor}`", "cast it first")
    if tensor.dims is not None:
        position(op.axis, len(tensor.dims), f"`{tensor}`")
    return tensor


def _top_k(op: TopK, tensor: Tensor) -> tuple[Type, ...]:
    _numbers(op, tensor)
    if op.k < 1:
        raise RefusedError("E0205", f"{_name(op)} needs at least 1 element, got k={op.k}")
    if tensor.dims is None:
        return Tensor(tensor.dtype, None), Tensor(DType.I64, None)
    position(-1, len(tensor.dims), f"`{tensor}`")
    last = tensor.dims[-1]
    if isinstance(last, int) and op.k > last:
        raise RefusedError("E0205", f"{_name(op)} asks for {op.k} of the {last} elements of `{tensor}`")
    dims = (*tensor.dims[:-1], op.k)
    return Tensor(tensor.dtype, dims), Tensor(DType.I64, dims)


def _concat(op: Concat, operands: Sequence[Tensor | Scalar]) -> Tensor:
    tensors = [_tensor(op, o) for o in _some(op, operands)]
    dtype = common(tensors).dtype
    rank = next((len(t.dims) for t in tensors if t.dims is not None), None)
    if rank is None:
        return Tensor(dtype, None)
    axis = position(op.axis, rank, f"`{tensors[0]}`")
    dims = same(tensors, "concatenate", except_axis=axis)
    if dims is None:
        return Tensor(dtype, None)
    sizes = [t.dims[axis] for t in tensors if t.dims is not None]
    fixed = [size for size in sizes if isinstance(size, int)]
    joined = sum(fixed) if len(fixed) == len(sizes) else None
    return Tensor(dtype, (*dims[:axis], joined, *dims[axis + 1 :]))


def _stack(op: Stack, operands: Sequence[Tensor | Scalar]) -> Tensor:
    met = common(_some(op, operands))
    tensors = [o if isinstance(o, Tensor) else Tensor(met.dtype, ()) for o in operands]
    dims = same(tensors, "stack")
    if dims is None:
        return Tensor(met.dtype, None)
    axis = position(op.axis, len(dims) + 1, "the stacked tensor")
    return Tensor(met.dtype, (*dims[:axis], len(tensors), *dims[axis:]))


def _vote(operands: Sequence[Tensor | Scalar]) -> Tensor | Scalar:
    if not operands:
        raise RefusedError("E0207", "`vote` needs at least 1 voter")
    dtypes = {o.dtype if isinstance(o, Tensor) else SCALAR_DTYPES[o.kind] for o in operands}
    wrong = next((o for o in operands if _label_dtype(o) not in (*INTEGERS, DType.STR)), None)
    if wrong is not None:
        raise RefusedError(
            "E0204",
            f"`vote` counts class labels, and class labels are integers or strings, not `{wrong}`",
            "take `argmax` of scores first, or average them with `mean`",
        )
    if len(dtypes) > 1 or len({isinstance(o, Tensor) for o in operands}) > 1:
        shown = ", ".join(dict.fromkeys(f"`{o}`" for o in operands))
        raise RefusedError("E0204", f"the voters of `vote` have different types: {shown}", "cast them to one type")
    tensors = [o for o in operands if isinstance(o, Tensor)]
    if not tensors:
        return operands[0]
    return Tensor(tensors[0].dtype, same(tensors, "vote among"))


def _label_dtype(operand: Tensor | Scalar) -> DType:
    return operand.dtype if isinstance(operand, Tensor) else SCALAR_DTYPES[operand.kind]


def _some(op: AxisOp, operands: Sequence[Tensor | Scalar]) -> Sequence[Tensor | Scalar]:
    if not operands:
        raise RefusedError("E0207", f"{_name(op)} needs at least 1 input")
    return operands


def _only(op: AxisOp, operands: Sequence[Tensor | Scalar]) -> Tensor:
    if len(operands) != 1:
        raise RefusedError("E0207", f"{_name(op)} takes 1 input, got {len(operands)}")
    return _tensor(op, operands[0])


def _tensor(op: AxisOp, operand: Tensor | Scalar) -> Tensor:
    if isinstance(operand, Tensor):
        return operand
    raise RefusedError("E0207", f"{_name(op)} is not defined for `{operand}`: it has no axes", "give it a tensor")


def _numbers(op: AxisOp, tensor: Tensor) -> Tensor:
    if tensor.dtype in NUMBERS:
        return tensor
    raise RefusedError("E0207", f"{_name(op)} is not defined for {tensor.dtype}", "give it a tensor of numbers")


def _not_text(op: AxisOp, tensor: Tensor) -> DType:
    return tensor.dtype if tensor.dtype is DType.BOOL else _numbers(op, tensor).dtype


def _without(tensor: Tensor, axis: int) -> Dims:
    if tensor.dims is None:
        return None
    index = position(axis, len(tensor.dims), f"`{tensor}`")
    return tensor.dims[:index] + tensor.dims[index + 1 :]


def _name(op: AxisOp) -> str:
    match op:
        case Reduce(kind=kind):
            return f"`{kind}`"
        case TopK():
            return "`top_k`"
        case Index():
            return "indexing"
        case _:
            return f"`{type(op).__name__.lower()}`"
