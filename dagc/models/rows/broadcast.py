"""Operators that work element by element, with broadcasting: all batches have to lie in one place."""

from collections.abc import Mapping, Sequence

from dagc.models.rows.call import Call, Rule
from dagc.models.rows.size import Size, number
from dagc.models.rows.value import Mixes, Place, Tensor, Value, broadcast_size, padded, placed


def broadcast(tensors: Sequence[Tensor]) -> Tensor:
    """The result of an elementwise operator over tensors that are broadcast to each other.

    Slice n of the result needs slice n of the operands with rows and the whole of the others, as long as these
    have at most one element along the axis of the batch.
    """
    if any(tensor.dims is None for tensor in tensors):
        raise Mixes("has an operand of unknown rank")
    rank = max(len(tensor.dims or ()) for tensor in tensors)
    aligned = [padded(tensor.dims or (), rank) for tensor in tensors]
    place = common_place([aligned_place(tensor, rank) for tensor in tensors])
    for tensor, dims in zip(tensors, aligned, strict=True):
        if place is not None and tensor.place is None and not is_one(dims[place.axis]):
            raise Mixes("combines the batch axis with a constant")
    sizes = [broadcast_size([size for size in axis if size is not None]) for axis in zip(*aligned, strict=True)]
    return placed(place, sizes)


def aligned_place(tensor: Tensor, rank: int) -> Place | None:
    """Where the batch of a tensor lies once it is broadcast to `rank` axes."""
    if tensor.place is None:
        return None
    return Place(tensor.place.axis + rank - len(tensor.dims or ()), tensor.place.outer, tensor.place.inner)


def common_place(places: Sequence[Place | None]) -> Place | None:
    """The one place among these; `None` stands for operands without rows."""
    found = {place for place in places if place is not None}
    if len({place.axis for place in found}) > 1:
        raise Mixes("combines operands whose batches lie along different axes")
    if len(found) > 1:
        raise Mixes("combines operands whose batches are folded differently")
    return next(iter(found), None)


def is_one(size: Size | None) -> bool:
    """Whether an operand is repeated along an axis: it has no such axis, or one of a single element."""
    return size is None or size.value == 1


def elementwise(call: Call) -> Sequence[Value]:
    """All operands are data."""
    return [broadcast(call.tensors())]


def unary(call: Call) -> Sequence[Value]:
    """One operand of data; what else there is are the same few numbers for every row."""
    call.constants_from(1)
    tensor = call.tensor(0)
    return [Tensor(tensor.dims, tensor.place)]


def _like_first(call: Call) -> Sequence[Value]:
    """Only the element type of the second operand matters."""
    tensor = call.tensor(0)
    return [Tensor(tensor.dims, tensor.place)]


def _one_sided(call: Call) -> Sequence[Value]:
    """The further operands are broadcast to the first, never the first to them."""
    result, first = broadcast(call.tensors()), call.dims(0)
    if len(result.dims or ()) != len(first):
        raise Mixes("broadcasts to more axes than its input has")
    return [result]


def _dropout(call: Call) -> Sequence[Value]:
    """Draws at random only while training, which is an input since opset 12."""
    if call.given(2) and call.counts(2).flat != (number(0),):
        raise Mixes("draws at random when it trains")
    call.constants(1)
    tensor = call.tensor(0)
    return [Tensor(tensor.dims, tensor.place)] * 2


_UNARY = """
    Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid
    HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal RegexFullMatch Relu Round Selu Shrink
    Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu
"""
_BROADCASTING = """
    Add And BitShift BitwiseAnd BitwiseOr BitwiseXor Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min
    Mod Mul Or Pow StringConcat Sub Sum Where Xor
"""

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_UNARY.split(), unary),
    **dict.fromkeys(_BROADCASTING.split(), elementwise),
    "CastLike": _like_first,
    "Clip": unary,
    "Dropout": _dropout,
    "PRelu": _one_sided,
}
