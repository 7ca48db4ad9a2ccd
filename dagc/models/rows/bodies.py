"""Operators that hold graphs: branches are joined, and what a loop repeats has to come out as it went in.

How often a loop runs and which branch is taken must not depend on rows: it would be decided once for all of them.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dagc.models.rows.call import Call, Rule, from_front, untouched
from dagc.models.rows.layout import with_axes, without_axes
from dagc.models.rows.size import Size
from dagc.models.rows.value import Mixed, Mixes, Tensor, Value, joined, settled

if TYPE_CHECKING:
    import onnx

_MOST_TURNS = 4
"""Sizes that change with every turn become unknowns in the second; what moves after that has no end."""

_SCAN_WITHOUT_BATCHES = 9
"""The opset from which `Scan` has no batch axis of its own."""


def _if(call: Call) -> Sequence[Value]:
    condition = call.any(0)
    if not condition.same:
        raise Mixes("chooses a branch by rows or by the batch size")
    known = None
    if condition.counts is not None or condition.stored is not None:
        known = call.counts(0).flat[0].value
    if known is not None:
        return call.analyse(_body(call, "then_branch" if known else "else_branch"), (), "taken")
    yes = call.analyse(_body(call, "then_branch"), (), "then")
    no = call.analyse(_body(call, "else_branch"), (), "else")
    if len(yes) != len(no):
        raise Mixes("has branches with different outputs")
    pairs = enumerate(zip(yes, no, strict=True))
    return [joined(a, b, call.path, call.node.output[0], i) for i, (a, b) in pairs]


def _body(call: Call, name: str = "body") -> "onnx.GraphProto":
    if name not in call.attributes:
        raise Mixes("lacks its graph")
    return call.attributes[name].g


def _loop(call: Call) -> Sequence[Value]:
    for index in (0, 1):
        if call.given(index) and not call.any(index).same:
            raise Mixes("repeats by rows or by the batch size")
    initial = [_present(value) for value in call.inputs[2:]]
    turn = (Tensor(()), Tensor(()))
    states, results = _settled(call, initial, turn, first=1)
    condition = settled(results[0])
    if isinstance(condition, Mixed):
        return [condition] * len(call.node.output)
    if not condition.same:
        raise Mixes("repeats by rows or by the batch size")
    turns = call.new_size("turns")
    return [*states, *(_stacked(value, 0, turns) for value in results[1 + len(states) :])]


def _present(value: Value | None) -> Value:
    if value is None:
        raise Mixes("lacks an input it needs")
    return value


def _scan(call: Call) -> Sequence[Value]:
    if call.opset < _SCAN_WITHOUT_BATCHES:
        raise Mixes("of this opset has a batch axis of its own")
    count = call.number("num_scan_inputs", 0)
    if not 0 < count <= len(call.inputs):
        raise Mixes("does not say what it walks")
    initial = [_present(value) for value in call.inputs[:-count]]
    start = len(initial)
    given = call.numbers("scan_input_axes") or (0,) * count
    axes = [from_front(axis, call.rank(start + i)) for i, axis in enumerate(given)]
    if len(axes) != count:
        raise Mixes("does not say what it walks")
    slices = tuple(_slice_of(call, start + i, axis) for i, axis in enumerate(axes))
    states, results = _settled(call, initial, slices, first=0, states_first=True)
    length = call.dims(start)[axes[0]]
    collected = results[len(states) :]
    into = call.numbers("scan_output_axes") or (0,) * len(collected)
    if len(into) != len(collected):
        raise Mixes("does not say where its results go")
    pairs = zip(collected, into, strict=True)
    return [*states, *(_stacked(value, axis, length) for value, axis in pairs)]


def _slice_of(call: Call, index: int, axis: int) -> Tensor:
    tensor = call.tensor(index)
    untouched(tensor, (axis,))
    return without_axes(tensor, call.dims(index), [axis])


def _settled(
    call: Call, initial: Sequence[Value], turn: Sequence[Value], *, first: int, states_first: bool = False
) -> tuple[list[Value], Sequence[Value]]:
    """What holds of the states before and after every turn, and of all results of the body.

    Args:
        call: The loop.
        initial: The states before the first turn.
        turn: The other inputs of the body.
        first: Where the states begin among the results.
        states_first: Whether the states come before the other inputs.
    """
    states = list(initial)
    for _ in range(_MOST_TURNS):
        inputs = (*states, *turn) if states_first else (*turn, *states)
        results = call.analyse(_body(call), inputs, "body")
        after = results[first : first + len(states)]
        if len(after) != len(states):
            raise Mixes("does not give back all it repeats")
        pairs = enumerate(zip(states, after, strict=True))
        wider = [joined(a, b, call.path, call.node.output[0], "state", i) for i, (a, b) in pairs]
        if wider == states:
            return states, results
        states = wider
    raise Mixes("changes what it repeats with every turn")


def _stacked(result: Value, axis: int, length: Size) -> Value:
    """The results of all turns along a new axis."""
    value = settled(result)
    if isinstance(value, Mixed):
        return value
    if value.place is None and not value.same:
        raise Mixes("collects the batch size")
    if value.dims is None:
        return Tensor(None)
    return with_axes(value, value.dims, {from_front(axis, len(value.dims) + 1): length})


RULES: Mapping[str, Rule] = {"If": _if, "Loop": _loop, "Scan": _scan}
