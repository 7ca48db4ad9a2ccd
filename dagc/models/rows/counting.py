"""Arithmetic on sizes: the operators by which a model computes a shape, followed element by element.

A result that cannot be expressed is a number of its own that either may or may not depend on the number of rows.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dagc.models.rows.call import Call, from_front
from dagc.models.rows.exact import BOOL, DOUBLE, FLOAT, WHOLE, exact
from dagc.models.rows.size import ONE, ZERO, Size, number, opaque
from dagc.models.rows.value import MISFITS, MOST_COUNTED, Counts, Mixes, Tensor, Value, constant, known_shape

if TYPE_CHECKING:
    Array = NDArray[np.object_]


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


def _arithmetic(function: "Pairwise", kind: int | None = None) -> "Follow":
    """An operator on pairs of elements; its result has the type of its operands where `kind` is not given."""

    def follow(call: Call) -> Sequence[Counts]:
        """The counts of one call."""
        operands = [call.counts(index) for index in range(len(call.inputs))]
        given = _one_kind(operands)
        made = given if kind is None else kind
        step = _step(call.node.op_type, function, given, made)
        result = reduce(step, [operand.array for operand in operands])
        return [Counts.of(np.asarray(result, object), made)]

    return follow


def _one_kind(operands: Sequence[Counts]) -> int:
    """The element type that ONNX wants all of these to have, as far as it is known of any."""
    return max(operand.kind for operand in operands)


def _step(name: str, function: "Pairwise", given: int, made: int) -> "np.ufunc":
    """The operator on two arrays; floats that may be fractions are rounded with every step, so not followed."""

    def step(a: Size, b: Size) -> Size:
        """The result for one pair."""
        if given not in WHOLE and (a.unbounded or b.unbounded):
            return opaque(name, a, b, number(given))
        return exact(function(a, b, given in WHOLE), made)

    return np.frompyfunc(step, 2, 1)


def _mapped(function: Callable[[Size], Size]) -> "Follow":
    def follow(call: Call) -> Sequence[Counts]:
        """The counts of one call."""
        given = call.counts(0)
        return [Counts(given.shape, tuple(exact(function(size), given.kind) for size in given.flat), given.kind)]

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


def _no_less(a: Size, b: Size, by: int = 0) -> bool:
    """Whether `a` is certainly at least `b`, or greater by so much, even where axes are empty."""
    difference = (a - b).least_if_empty
    return difference is not None and difference >= by


def _larger(a: Size, b: Size, _whole: bool) -> Size:
    if _no_less(a, b):
        return a
    return b if _no_less(b, a) else opaque("Max", a, b)


def _smaller(a: Size, b: Size, _whole: bool) -> Size:
    if _no_less(a, b):
        return b
    return a if _no_less(b, a) else opaque("Min", a, b)


def _equal(a: Size, b: Size, _whole: bool) -> Size:
    if a == b:
        return ONE
    return ZERO if _no_less(a, b, 1) or _no_less(b, a, 1) else opaque("Equal", a, b)


def _greater(a: Size, b: Size, _whole: bool) -> Size:
    if _no_less(a, b, 1):
        return ONE
    return ZERO if _no_less(b, a) else opaque("Greater", a, b)


def _greater_or_equal(a: Size, b: Size, _whole: bool) -> Size:
    if _no_less(a, b):
        return ONE
    return ZERO if _no_less(b, a, 1) else opaque("GreaterOrEqual", a, b)


def _truth(size: Size) -> Size:
    if size.value is not None:
        return number(int(size.value != 0))
    return ONE if (size.least_if_empty or 0) >= 1 else opaque("bool", size)


def _negated(size: Size) -> Size:
    return ONE - _truth(size)


def _absolute(size: Size) -> Size:
    return size if _no_less(size, ZERO) else opaque("Abs", size)


def _rounded(name: str) -> Callable[[Size], Size]:
    """Rounds of sizes are these sizes; fractions are unknown numbers."""
    return lambda size: size if size.least is not None else opaque(name, size)


def _cast(call: Call) -> Sequence[Counts]:
    given, to = call.counts(0), call.number("to", 0)
    if to == BOOL:
        return [Counts(given.shape, tuple(map(_truth, given.flat)), BOOL)]
    if to in WHOLE:
        flat = given.flat if given.whole else tuple(map(_rounded("Cast"), given.flat))
        return [Counts(given.shape, tuple(exact(size, to) for size in flat), to)]
    if to not in (FLOAT, DOUBLE):
        raise Mixes("casts a size to a type sizes are not followed in")
    return [Counts(given.shape, tuple(_as_float(size, to) for size in given.flat), to)]


def _as_float(size: Size, to: int) -> Size:
    """Sizes as floats; the number of rows is exact up to 2**24 only, so it is not followed through floats."""
    followed = size.fixed and not size.unbounded
    return exact(size, to) if followed else opaque("float", size, number(to))


def _where(call: Call) -> Sequence[Counts]:
    condition, yes, no = (call.counts(index) for index in range(3))

    def choose(chosen: Size, a: Size, b: Size) -> Size:
        """One element of a `Where`."""
        if chosen.value is not None:
            return a if chosen.value else b
        return a if a == b else opaque("Where", chosen, a, b)

    array = np.frompyfunc(choose, 3, 1)(condition.array, yes.array, no.array)
    return [Counts.of(np.asarray(array, object), _one_kind((yes, no)))]


def _concat(call: Call) -> Sequence[Counts]:
    parts = [call.counts(index) for index in range(len(call.inputs))]
    array = np.concatenate([part.array for part in parts], axis=call.number("axis", 0))
    return [Counts.of(array, _one_kind(parts))]


def _gather(call: Call) -> Sequence[Counts]:
    given, indices = call.counts(0), call.counts(1)
    chosen = np.array(call.whole_numbers(1), np.int64).reshape(indices.shape)
    taken = np.take(given.array, chosen, axis=call.number("axis", 0))
    return [Counts.of(np.asarray(taken, object), given.kind)]


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
    return [Counts.of(array, given.kind)]


def _unsqueeze(call: Call) -> Sequence[Counts]:
    given, axes = call.counts(0), call.axes("axes", 1)
    if axes is None:
        raise Mixes("does not say which axes it adds")
    return [Counts.of(np.expand_dims(given.array, axes), given.kind)]


def _squeeze(call: Call) -> Sequence[Counts]:
    given, axes = call.counts(0), call.axes("axes", 1)
    return [Counts.of(np.asarray(np.squeeze(given.array, axes), object), given.kind)]


def _reshape(call: Call) -> Sequence[Counts]:
    given, target = call.counts(0), call.whole_numbers(1)
    if not call.flag("allowzero", 0):
        target = tuple(given.shape[axis] if size == 0 else size for axis, size in enumerate(target))
    return [Counts.of(given.array.reshape(target), given.kind)]


def _transpose(call: Call) -> Sequence[Counts]:
    given = call.counts(0)
    return [Counts.of(np.transpose(given.array, call.numbers("perm")), given.kind)]


def _expand(call: Call) -> Sequence[Counts]:
    given, target = call.counts(0), call.whole_numbers(1)
    shape = np.broadcast_shapes(given.shape, target)
    if int(np.prod(shape)) > MOST_COUNTED:
        raise Mixes("makes a tensor too large for a shape")
    return [Counts.of(np.broadcast_to(given.array, shape), given.kind)]


def _reduced(function: "Pairwise") -> "Follow":
    def follow(call: Call) -> Sequence[Counts]:
        """The counts of one call."""
        given, axes = call.counts(0), call.axes("axes", 1)
        kind, rank = given.kind, len(given.shape)
        if kind not in WHOLE:
            raise Mixes("adds up floats, which are rounded in an order of the runtime's own")
        if not axes and call.flag("noop_with_empty_axes", 0):
            return [given]
        chosen = tuple(from_front(axis, rank) for axis in axes or range(rank))
        array, keep = given.array, call.flag("keepdims", 1)
        step = _step(call.node.op_type, function, kind, kind)
        for axis in sorted(chosen, reverse=True):
            array = np.asarray(step.reduce(array, axis=axis, keepdims=keep), object)
        return [Counts.of(array, kind)]

    return follow


Follow = Callable[[Call], Sequence[Counts]]
Pairwise = Callable[[Size, Size, bool], Size]

_FOLLOWED: Mapping[str, Follow] = {
    "Abs": _mapped(_absolute),
    "Add": _arithmetic(lambda a, b, _: a + b),
    "And": _arithmetic(lambda a, b, _: _truth(a) * _truth(b), BOOL),
    "Cast": _cast,
    "Ceil": _mapped(_rounded("Ceil")),
    "Concat": _concat,
    "Div": _arithmetic(divided),
    "Equal": _arithmetic(_equal, BOOL),
    "Expand": _expand,
    "Floor": _mapped(_rounded("Floor")),
    "Gather": _gather,
    "Greater": _arithmetic(_greater, BOOL),
    "GreaterOrEqual": _arithmetic(_greater_or_equal, BOOL),
    "Identity": _mapped(lambda size: size),
    "Less": _arithmetic(lambda a, b, whole: _greater(b, a, whole), BOOL),
    "LessOrEqual": _arithmetic(lambda a, b, whole: _greater_or_equal(b, a, whole), BOOL),
    "Max": _arithmetic(_larger),
    "Min": _arithmetic(_smaller),
    "Mod": _arithmetic(_remainder),
    "Mul": _arithmetic(lambda a, b, _: a * b),
    "Neg": _mapped(lambda size: -size),
    "Not": _mapped(_negated),
    "Or": _arithmetic(lambda a, b, _: _larger(_truth(a), _truth(b), True), BOOL),
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
