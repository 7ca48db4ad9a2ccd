"""Row numbers: indices by which a model picks, for every row, elements of that very row.

Exporters write `mask[arange(rows), ...]` so. An index is followed as `n * step + v` with 0 <= v < below, where v
is what the row holds when it runs alone; it is harmless as long as it stays inside its own row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from dagc.models.rows.broadcast import broadcast
from dagc.models.rows.call import Call, Rule
from dagc.models.rows.indexing import RULES as INDEXING
from dagc.models.rows.layout import RULES as LAYOUT
from dagc.models.rows.size import ONE, ZERO, Size, number
from dagc.models.rows.value import (
    MISFITS,
    Mixes,
    Numbered,
    Place,
    Position,
    Tensor,
    Value,
    counts_of,
    known_shape,
    placed,
    settled,
)

_WHOLE = (6, 7)
_MOST_PARTS = 16


def numbered(call: Call, reason: str) -> Sequence[Value] | None:
    """The outputs of an operator that makes, changes or uses row numbers; `None` if it is none of these.

    `reason` is what a use of the numbers as anything but an index into their own rows will be told.
    """
    follow = _FOLLOWED.get(call.node.op_type)
    if follow is None or call.mixed is not None:
        return None
    if call.node.op_type != "Range" and not any(isinstance(value, Numbered) for value in call.inputs):
        return None
    try:
        return follow(call, reason)
    except (Mixes, *MISFITS):
        return None


def _range(call: Call, reason: str) -> Sequence[Value] | None:
    """`0, 1, 2, ...` as many as rows, or as there are elements along any other axis."""
    start, limit, delta = (call.counts(index) for index in range(3))
    count = limit.flat[0]
    if not start.whole or start.flat != (ZERO,) or delta.flat != (ONE,) or count.value is not None:
        return None
    if count.fixed:
        return [Numbered(placed(None, [count]), (Position(ZERO, count),), reason)]
    each = count.per_row()
    if each is None or not each.positive:
        return None
    return [Numbered(placed(Place(0, ONE, each), [count]), (Position(each, each),), reason)]


def _rearranged(rule: Rule) -> "Follow":
    """Elements keep their values, so their numbers too."""

    def follow(call: Call, _reason: str) -> Sequence[Value] | None:
        """The same numbers elsewhere."""
        given = call.inputs[0]
        if not isinstance(given, Numbered) or len(given.positions) > 1:
            return None
        (result,) = rule(replace(call, inputs=(given.tensor, *call.inputs[1:])))
        return [replace(given, tensor=result)] if isinstance(result, Tensor) else None

    return follow


def _kept(call: Call, _reason: str) -> Sequence[Value] | None:
    given = call.inputs[0]
    whole = call.node.op_type == "Identity" or call.number("to", 0) in _WHOLE
    return [given] if whole and isinstance(given, Numbered) else None


def _shape(call: Call, _reason: str) -> Sequence[Value] | None:
    inputs = tuple(value.tensor if isinstance(value, Numbered) else value for value in call.inputs)
    return LAYOUT[call.node.op_type](replace(call, inputs=inputs))


def _added(call: Call, _reason: str) -> Sequence[Value] | None:
    left, right = _position(call, 0), _position(call, 1)
    if left.below is None or right.below is None:
        return None
    return _computed(call, Position(left.step + right.step, left.below + right.below - ONE))


def _multiplied(call: Call, _reason: str) -> Sequence[Value] | None:
    numbers, factor = (0, 1) if isinstance(call.inputs[0], Numbered) else (1, 0)
    position, counts = _position(call, numbers), _counts(call, factor)
    if counts is None or len(set(counts)) != 1 or position.below is None:
        return None
    by = counts[0]
    if not by.fixed or not by.positive:
        return None
    return _computed(call, Position(position.step * by, (position.below - ONE) * by + ONE))


def _computed(call: Call, position: Position) -> Sequence[Value] | None:
    first = next(value for value in call.inputs if isinstance(value, Numbered))
    tensors = [_plain(value) for value in call.inputs]
    return [replace(first, tensor=broadcast(tensors), positions=(position,))]


def _plain(value: Value | None) -> Tensor:
    tensor = value.tensor if isinstance(value, Numbered) else value
    if not isinstance(tensor, Tensor) or (tensor.place is None and not tensor.same):
        raise Mixes("computes with the batch size")
    return tensor


def _position(call: Call, index: int) -> Position:
    """The numbers of an operand; of one that is no index only what its known elements say."""
    value = call.inputs[index]
    if isinstance(value, Numbered):
        return value.positions[0] if len(value.positions) == 1 else Position(ZERO, None)
    values = [count.value for count in _counts(call, index) or ()]
    known = [count for count in values if count is not None and count >= 0]
    return Position(ZERO, number(max(known) + 1) if known and len(known) == len(values) else None)


def _counts(call: Call, index: int) -> tuple[Size, ...] | None:
    value = call.inputs[index]
    if not isinstance(value, Tensor) or value.place is not None:
        return None
    counts = counts_of(value, call.path, call.node.input[index])
    return counts.flat if counts is not None and counts.whole else None


def _concat(call: Call, reason: str) -> Sequence[Value] | None:
    """Joined along the last axis they are the parts of one index."""
    tensors = [_plain(value) for value in call.inputs]
    rank = len(tensors[0].dims or ())
    if call.number("axis", 0) not in (-1, rank - 1):
        return None
    positions: list[Position] = []
    for index, tensor in enumerate(tensors):
        shape = known_shape((tensor.dims or ())[-1:])
        if not shape or len(positions) + shape[0] > _MOST_PARTS:
            return None
        value = call.inputs[index]
        own = value.positions if isinstance(value, Numbered) else (Position(ZERO, None),)
        if len(own) not in (1, shape[0]):
            return None
        positions.extend(own * shape[0] if len(own) == 1 else own)
    (result,) = INDEXING["Concat"](replace(call, inputs=tuple(tensors)))
    return [Numbered(result, tuple(positions), reason)] if isinstance(result, Tensor) else None


def _gather(call: Call, _reason: str) -> Sequence[Value] | None:
    table, indices = settled_tensor(call.inputs[0]), call.inputs[1]
    if table is None or table.place is None or not isinstance(indices, Numbered) or len(indices.positions) > 1:
        return None
    dims, shape, place = table.dims or (), indices.tensor.dims or (), indices.tensor.place
    axis = call.axis(0, len(dims))
    if place is None or not _inside_its_row(table.place, axis, indices.positions[0]):
        return None
    moved = Place(place.axis + axis, place.outer, place.inner)
    return [placed(moved, [*dims[:axis], *shape, *dims[axis + 1 :]])]


def _inside_its_row(place: Place, axis: int, position: Position) -> bool:
    if place.axis != axis or place.outer != ONE or position.step != place.inner:
        return False
    return position.below is not None and place.inner.at_least(position.below)


def _gather_nd(call: Call, _reason: str) -> Sequence[Value] | None:
    table, indices = settled_tensor(call.inputs[0]), call.inputs[1]
    if table is None or not isinstance(indices, Numbered) or call.number("batch_dims", 0):
        return None
    depth = _depth_in_own_row(table, indices)
    if depth is None:
        return None
    return [placed(indices.tensor.place, [*(indices.tensor.dims or ())[:-1], *(table.dims or ())[depth:]])]


def _depth_in_own_row(table: Tensor, indices: Numbered) -> int | None:
    """How many axes the parts of an index go into, if they never leave the row they belong to."""
    shape, place = indices.tensor.dims or (), indices.tensor.place
    depth = shape[-1].value if shape else None
    if depth is None or table.place is None or place is None or place.axis == len(shape) - 1:
        return None
    parts = indices.positions * depth if len(indices.positions) == 1 else indices.positions
    if len(parts) != depth or table.place.axis >= depth:
        return None
    others = [part for axis, part in enumerate(parts) if axis != table.place.axis]
    if any(part.step != ZERO for part in others):
        return None
    return depth if _inside_its_row(table.place, table.place.axis, parts[table.place.axis]) else None


def _scatter_nd(call: Call, _reason: str) -> Sequence[Value] | None:
    """Every row writes to itself."""
    table, updates = settled_tensor(call.inputs[0]), settled_tensor(call.inputs[2])
    indices = call.inputs[1]
    if table is None or updates is None or not isinstance(indices, Numbered):
        return None
    if _depth_in_own_row(table, indices) is None or updates.place != indices.tensor.place:
        return None
    return [placed(table.place, table.dims or ())]


def settled_tensor(value: Value | None) -> Tensor | None:
    """An operand of data, `None` if it is anything else."""
    known = None if value is None else settled(value)
    return known if isinstance(known, Tensor) and (known.place is not None or known.same) else None


Follow = Callable[[Call, str], Sequence[Value] | None]

_FOLLOWED: Mapping[str, Follow] = {
    **{name: _rearranged(LAYOUT[name]) for name in ("Expand", "Reshape", "Squeeze", "Transpose", "Unsqueeze")},
    **dict.fromkeys(("Cast", "Identity"), _kept),
    **dict.fromkeys(("Shape", "Size"), _shape),
    "Add": _added,
    "Concat": _concat,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "Mul": _multiplied,
    "Range": _range,
    "ScatterND": _scatter_nd,
}
"""By name; operators of the default domain."""
