"""Arithmetic on sizes: the operators by which a model computes a shape, followed element by element.

A result that cannot be expressed is a number of its own that either may or may not depend on the number of rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dagc.models.rows.call import Call, from_front
from dagc.models.rows.size import ONE, ZERO, Size, number, opaque
from dagc.models.rows.value import MISFITS, MOST_COUNTED, Counts, Mixes, Tensor, Value, constant, known_shape

if TYPE_CHECKING:
    Array = NDArray[np.object_]

_TO_WHOLE = (6, 7)
_TO_FLOAT = (1, 11)
_TO_BOOL = 9
"""Element types of ONNX that sizes are cast to: int32 and int64, float and double, bool."""


def counted(call: Call) -> Sequence[Value] | None:
    """The outputs of an operator on small tensors without rows, with their elements; `None` if it is no such."""
    follow = _FOLLOWED.get(call.node.op_type)
    if follow is None or not any(call.given(index) for index in range(len(call.inputs))):
        return None
    for value in call.inputs:
        if not isinstance(value, Tensor) or value.place is not None or not _small(value):
            return None
    try:
        return [_tensor(counts) for counts in follow(call)]
    except (Mixes, *MISFITS):
        return None


def _small(tensor: Tensor) -> bool:
    shape = None if tensor.dims is None else known_shape(tensor.dims)
    return shape is not None and int(np.prod(shape)) <= MOST_COUNTED


def _tensor(counts: Counts) -> Tensor:
    return Tensor(tuple(map(number, counts.shape)), counts=counts)


def _arithmetic(function: Callable[[Size, Size, bool], Size]) -> "Follow":
    def follow(call: Call) -> Sequence[Counts]:
        """The counts of one call."""
        operands = [call.counts(index) for index in range(len(call.inputs))]
        whole = all(operand.whole for operand in operands)
        result = operands[0].array
        for operand in operands[1:]:
            result = np.frompyfunc(lambda a, b: function(a, b, whole), 2, 1)(result, operand.array)
        return [Counts.of(np.asarray(result, object), whole=whole)]

    return follow


def _mapped(function: Callable[[Size], Size]) -> "Follow":
    def follow(call: Call) -> Sequence[Counts]:
        """The counts of one call."""
        given = call.counts(0)
        return [Counts(given.shape, tuple(map(function, given.flat)), given.whole)]

    return follow


def divided(a: Size, b: Size, whole: bool) -> Size:
    """The quotient; integers are cut off towards zero."""
    exact = a.over(b)
    if exact is not None:
        return exact
    if a.value is not None and b.value:
        if not whole:
            return constant(a.value / b.value)
        sign = -1 if (a.value < 0) != (b.value < 0) else 1
        return number(sign * (abs(a.value) // abs(b.value)))
    return opaque("Div" if whole else "quotient", a, b)


def _remainder(a: Size, b: Size, whole: bool) -> Size:
    if whole and a.over(b) is not None:
        return ZERO
    if whole and a.value is not None and b.value and a.value >= 0 and b.value > 0:
        return number(a.value % b.value)
    return opaque("Mod", a, b)


def _larger(a: Size, b: Size, _whole: bool) -> Size:
    if a.at_least(b):
        return a
    return b if b.at_least(a) else opaque("Max", a, b)


def _smaller(a: Size, b: Size, _whole: bool) -> Size:
    if a.at_least(b):
        return b
    return a if b.at_least(a) else opaque("Min", a, b)


def _equal(a: Size, b: Size, _whole: bool) -> Size:
    if a == b:
        return ONE
    return ZERO if a.at_least(b + ONE) or b.at_least(a + ONE) else opaque("Equal", a, b)


def _greater(a: Size, b: Size, _whole: bool) -> Size:
    if a.at_least(b + ONE):
        return ONE
    return ZERO if b.at_least(a) else opaque("Greater", a, b)


def _greater_or_equal(a: Size, b: Size, _whole: bool) -> Size:
    if a.at_least(b):
        return ONE
    return ZERO if b.at_least(a + ONE) else opaque("GreaterOrEqual", a, b)


def _truth(size: Size) -> Size:
    if size.value is not None:
        return number(int(size.value != 0))
    return ONE if size.positive else opaque("bool", size)


def _negated(size: Size) -> Size:
    return ONE - _truth(size)


def _absolute(size: Size) -> Size:
    return size if size.at_least(ZERO) else opaque("Abs", size)


def _rounded(name: str) -> Callable[[Size], Size]:
    """Rounds of sizes are these sizes; fractions are unknown numbers."""
    return lambda size: size if size.least is not None else opaque(name, size)


def _cast(call: Call) -> Sequence[Counts]:
    given, to = call.counts(0), call.number("to", 0)
    if to == _TO_BOOL:
        return [Counts(given.shape, tuple(map(_truth, given.flat)))]
    if to in _TO_WHOLE:
        flat = given.flat if given.whole else tuple(map(_rounded("Cast"), given.flat))
        return [Counts(given.shape, flat)]
    if to not in _TO_FLOAT:
        raise Mixes("casts a size to a type sizes are not followed in")
    # The number of rows as a float is exact up to 2**24 only, so it is not followed through floats.
    return [Counts(given.shape, tuple(s if s.fixed else opaque("float", s) for s in given.flat), False)]


def _where(call: Call) -> Sequence[Counts]:
    condition, yes, no = (call.counts(index) for index in range(3))

    def choose(chosen: Size, a: Size, b: Size) -> Size:
        """One element of a `Where`."""
        if chosen.value is not None:
            return a if chosen.value else b
        return a if a == b else opaque("Where", chosen, a, b)

    array = np.frompyfunc(choose, 3, 1)(condition.array, yes.array, no.array)
    return [Counts.of(np.asarray(array, object), whole=yes.whole)]


def _concat(call: Call) -> Sequence[Counts]:
    parts = [call.counts(index) for index in range(len(call.inputs))]
    array = np.concatenate([part.array for part in parts], axis=call.number("axis", 0))
    return [Counts.of(array, whole=parts[0].whole)]


def _gather(call: Call) -> Sequence[Counts]:
    given, indices = call.counts(0), call.counts(1)
    chosen = np.array(call.whole_numbers(1), np.int64).reshape(indices.shape)
    taken = np.take(given.array, chosen, axis=call.number("axis", 0))
    return [Counts.of(np.asarray(taken, object), whole=given.whole)]


def _slice(call: Call) -> Sequence[Counts]:
    given = call.counts(0)
    starts, ends = call.axes("starts", 1), call.axes("ends", 2)
    if starts is None or ends is None:
        raise Mixes("does not say what it cuts")
    axes = call.axes("axes", 3) or tuple(range(len(starts)))
    steps = call.whole_numbers(4) if call.given(4) else (1,) * len(starts)
    array = given.array
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        array = np.moveaxis(np.moveaxis(array, axis, 0)[start:end:step], 0, axis)
    return [Counts.of(array, whole=given.whole)]


def _unsqueeze(call: Call) -> Sequence[Counts]:
    given, axes = call.counts(0), call.axes("axes", 1)
    if axes is None:
        raise Mixes("does not say which axes it adds")
    return [Counts.of(np.expand_dims(given.array, axes), whole=given.whole)]


def _squeeze(call: Call) -> Sequence[Counts]:
    given, axes = call.counts(0), call.axes("axes", 1)
    return [Counts.of(np.asarray(np.squeeze(given.array, axes), object), whole=given.whole)]


def _reshape(call: Call) -> Sequence[Counts]:
    given, target = call.counts(0), call.whole_numbers(1)
    if not call.flag("allowzero", 0):
        target = tuple(given.shape[axis] if size == 0 else size for axis, size in enumerate(target))
    return [Counts.of(given.array.reshape(target), whole=given.whole)]


def _transpose(call: Call) -> Sequence[Counts]:
    given = call.counts(0)
    return [Counts.of(np.transpose(given.array, call.numbers("perm")), whole=given.whole)]


def _expand(call: Call) -> Sequence[Counts]:
    given, target = call.counts(0), call.whole_numbers(1)
    shape = np.broadcast_shapes(given.shape, target)
    if int(np.prod(shape)) > MOST_COUNTED:
        raise Mixes("makes a tensor too large for a shape")
    return [Counts.of(np.broadcast_to(given.array, shape), whole=given.whole)]


def _reduced(function: Callable[[Size, Size, bool], Size]) -> "Follow":
    def follow(call: Call) -> Sequence[Counts]:
        """The counts of one call."""
        given, axes = call.counts(0), call.axes("axes", 1)
        whole, rank = given.whole, len(given.shape)
        if not axes and call.flag("noop_with_empty_axes", 0):
            return [given]
        chosen = tuple(from_front(axis, rank) for axis in axes or range(rank))
        array, keep = given.array, call.flag("keepdims", 1)
        for axis in sorted(chosen, reverse=True):
            array = np.frompyfunc(lambda a, b: function(a, b, whole), 2, 1).reduce(array, axis=axis, keepdims=keep)
            array = np.asarray(array, object)
        return [Counts.of(array, whole=whole)]

    return follow


Follow = Callable[[Call], Sequence[Counts]]

_FOLLOWED: Mapping[str, Follow] = {
    "Abs": _mapped(_absolute),
    "Add": _arithmetic(lambda a, b, _: a + b),
    "And": _arithmetic(lambda a, b, _: _truth(a) * _truth(b)),
    "Cast": _cast,
    "Ceil": _mapped(_rounded("Ceil")),
    "Concat": _concat,
    "Div": _arithmetic(divided),
    "Equal": _arithmetic(_equal),
    "Expand": _expand,
    "Floor": _mapped(_rounded("Floor")),
    "Gather": _gather,
    "Greater": _arithmetic(_greater),
    "GreaterOrEqual": _arithmetic(_greater_or_equal),
    "Identity": _mapped(lambda size: size),
    "Less": _arithmetic(lambda a, b, whole: _greater(b, a, whole)),
    "LessOrEqual": _arithmetic(lambda a, b, whole: _greater_or_equal(b, a, whole)),
    "Max": _arithmetic(_larger),
    "Min": _arithmetic(_smaller),
    "Mod": _arithmetic(_remainder),
    "Mul": _arithmetic(lambda a, b, _: a * b),
    "Neg": _mapped(lambda size: -size),
    "Not": _mapped(_negated),
    "Or": _arithmetic(lambda a, b, _: _larger(_truth(a), _truth(b), True)),
    "ReduceMax": _reduced(_larger),
    "ReduceMin": _reduced(_smaller),
    "ReduceProd": _reduced(lambda a, b, _: a * b),
    "ReduceSum": _reduced(lambda a, b, _: a + b),
    "Reshape": _reshape,
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": _arithmetic(lambda a, b, _: a - b),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _where,
}
"""By name; operators of the default domain."""
