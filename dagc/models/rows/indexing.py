"""Operators that pick, cut, join and write parts of tensors: along the batch axis none of them may do so.

What is picked may differ from row to row when the indices are rows themselves; then the table they look into has
to be the same for all rows, or to lie in the same batch.
"""

from collections.abc import Mapping, Sequence

from dagc.models.rows.broadcast import common_place
from dagc.models.rows.call import Call, Rule, from_front, untouched
from dagc.models.rows.size import ROWS, Size, cut_off, number, product
from dagc.models.rows.value import Dims, Mixes, Place, Tensor, Value, placed

_TO_THE_END = 10**9
"""Converters write this or more for "to the end"; no batch has as many rows."""


def _gather(call: Call) -> Sequence[Value]:
    table, indices = call.tensor(0), call.tensor(1)
    dims, shape = call.dims(0), call.dims(1)
    axis = call.axis(0, len(dims))
    sizes = [*dims[:axis], *shape, *dims[axis + 1 :]]
    if table.place is None:
        return [placed(_shifted(indices.place, axis), sizes)]
    if indices.place is not None:
        raise Mixes("picks elements by indices that differ between rows")
    untouched(table, (axis,))
    after = len(shape) - 1 if table.place.axis > axis else 0
    return [placed(_shifted(table.place, after), sizes)]


def _shifted(place: Place | None, by: int) -> Place | None:
    return None if place is None else Place(place.axis + by, place.outer, place.inner)


def _gather_elements(call: Call) -> Sequence[Value]:
    """Element [i, j] is found at [i, index[i, j]], so both lie in the same batch."""
    table, indices = call.tensor(0), call.tensor(1)
    axis = call.axis(0, call.rank(0))
    _one_batch((table, indices))
    untouched(table, (axis,))
    return [placed(table.place, call.dims(1))]


def _one_batch(tensors: Sequence[Tensor]) -> None:
    """All tensors have their batch in the same place, or none has one."""
    if len({tensor.place for tensor in tensors}) > 1:
        raise Mixes("picks elements of rows by other indices than those of the same row")


def _gather_nd(call: Call) -> Sequence[Value]:
    table, indices = call.tensor(0), call.tensor(1)
    dims, shape = call.dims(0), call.dims(1)
    batched = call.number("batch_dims", 0)
    depth = shape[-1].value if shape else None
    if depth is None or batched >= len(shape) or batched + depth > len(dims):
        raise Mixes("picks elements by indices of unknown length")
    sizes = [*shape[:-1], *dims[batched + depth :]]
    if indices.place is not None and indices.place.axis == len(shape) - 1:
        raise Mixes("takes the rows for the parts of an index")
    if any(tensor.place is not None and tensor.place.axis < batched for tensor in (table, indices)):
        _one_batch((table, indices))
        return [placed(table.place, sizes)]
    if table.place is None:
        return [placed(indices.place, sizes)]
    if indices.place is not None or table.place.axis < batched + depth:
        raise Mixes("picks rows by their number")
    return [placed(_shifted(table.place, len(shape) - 1 - batched - depth), sizes)]


def _scatter_elements(call: Call) -> Sequence[Value]:
    """Writes update [i, j] at [i, index[i, j]] of the data."""
    tensors = [call.tensor(index) for index in range(3)]
    axis = call.axis(0, call.rank(0))
    _one_batch(tensors)
    untouched(tensors[0], (axis,))
    return [placed(tensors[0].place, call.dims(0))]


def _scatter_nd(call: Call) -> Sequence[Value]:
    """Only with the rows behind the axes that are written to, by indices equal for all rows."""
    table, indices, updates = (call.tensor(index) for index in range(3))
    dims, shape = call.dims(0), call.dims(1)
    if table.place is None and indices.place is None and updates.place is None:
        return [placed(None, dims)]
    depth = shape[-1].value if shape else None
    if table.place is None or indices.place is not None or depth is None or table.place.axis < depth:
        raise Mixes("writes to rows by their number")
    if updates.place != _shifted(table.place, len(shape) - 1 - depth):
        raise Mixes("writes rows to other rows")
    return [placed(table.place, dims)]


def _slice(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    starts, ends = _bounds(call, "starts", 1), _bounds(call, "ends", 2)
    if "axes" in call.attributes or call.given(3):
        axes = tuple(from_front(axis, len(dims)) for axis in call.axes("axes", 3) or ())
    else:
        axes = tuple(range(len(starts)))
    steps = _bounds(call, "", 4) if call.given(4) else (number(1),) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) <= len(dims):
        raise Mixes("does not say what it cuts")
    sizes = list(dims)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if _whole_axis(start, end, step, dims[axis]):
            continue
        untouched(tensor, (axis,))
        if not (start.fixed and end.fixed and step.fixed):
            raise Mixes("cuts by the batch size")
        sizes[axis] = _cut(dims[axis], start, end, step) or call.new_size(axis)
    return [placed(tensor.place, sizes)]


def _bounds(call: Call, name: str, index: int) -> tuple[Size, ...]:
    if name in call.attributes:
        return tuple(map(number, call.attributes[name].ints))
    return call.counts(index).flat


def _whole_axis(start: Size, end: Size, step: Size, size: Size) -> bool:
    to_the_end = end == size or (end.value is not None and end.value >= _TO_THE_END)
    return start.value == 0 and step.value == 1 and to_the_end


def _cut(size: Size, start: Size, end: Size, step: Size) -> Size | None:
    """How much is left of an axis, where that can be told."""
    if start.value is None or step.value is None or not step.value:
        return None
    if start.value == -1 and step.value == 1 and (end.value or 0) >= _TO_THE_END:
        return number(1)
    if start.value == 0 and step.value == 1 and (size.value or 0) >= 1 and end.positive and end.value is None:
        return cut_off(end, size)
    if size.value is None or end.value is None:
        return None
    return number(len(range(size.value)[start.value : end.value : step.value]))


def _split(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    axis, count = call.axis(0, len(dims)), len(call.node.output)
    untouched(tensor, (axis,))
    given = call.axes("split", 1)
    if given is not None and len(given) != count:
        raise Mixes("does not say what each of its parts takes")
    even = dims[axis].over(number(count))
    parts: list[Size] = [call.new_size(part) for part in range(count)] if even is None else [even] * count
    parts = parts if given is None else [number(part) for part in given]
    return [placed(tensor.place, [*dims[:axis], part, *dims[axis + 1 :]]) for part in parts]


def _concat(call: Call) -> Sequence[Value]:
    """Along another axis rows are joined to rows; along the batch axis whole batches lie one behind the other."""
    tensors = call.tensors()
    shapes = [call.dims(index) for index in range(len(tensors))]
    rank = len(shapes[0])
    axis = call.axis(0, rank)
    if any(len(shape) != rank for shape in shapes):
        raise Mixes("joins tensors of different ranks")
    place = common_place([tensor.place for tensor in tensors if tensor.place is None or tensor.place.axis != axis])
    along = [tensor.place for tensor in tensors if tensor.place is not None and tensor.place.axis == axis]
    if along:
        place = _behind_each_other(along, len(tensors))
    elif place is not None and any(tensor.place is None for tensor in tensors):
        raise Mixes("joins rows with a constant")
    sizes = [_any_known([shape[at] for shape in shapes]) for at in range(rank)]
    sizes[axis] = sum((shape[axis] for shape in shapes[1:]), shapes[0][axis])
    return [placed(place, sizes)]


def _behind_each_other(places: Sequence[Place], count: int) -> Place:
    if len(places) < count or len({place.inner for place in places}) > 1:
        raise Mixes("lays rows and other elements one behind the other along the batch axis")
    outer = sum((place.outer for place in places[1:]), places[0].outer)
    return Place(places[0].axis, outer, places[0].inner)


def _any_known(sizes: Sequence[Size]) -> Size:
    """One of sizes that have to be equal."""
    return next((size for size in sizes if size.value is not None), sizes[0])


def _pad(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    call.constants(2)
    pads = call.counts(1).flat if "pads" not in call.attributes else _bounds(call, "pads", 1)
    axes = [from_front(axis, len(dims)) for axis in call.whole_numbers(3)] if call.given(3) else range(len(dims))
    if len(pads) != 2 * len(axes):
        raise Mixes("does not say how much it pads")
    sizes = list(dims)
    for at, axis in enumerate(axes):
        before, after = pads[at], pads[at + len(axes)]
        if before.value == 0 and after.value == 0:
            continue
        if tensor.place is not None and tensor.place.axis == axis:
            raise Mixes("pads the batch axis")
        if not (before.fixed and after.fixed):
            raise Mixes("pads by the batch size")
        sizes[axis] = dims[axis] + before + after
    return [placed(tensor.place, sizes)]


def _one_hot(call: Call) -> Sequence[Value]:
    call.constants(1, 2)
    indices, dims = call.tensor(0), call.dims(0)
    axis = from_front(call.number("axis", -1), len(dims) + 1)
    depth = call.counts(1).flat[0]
    place = indices.place
    if place is not None and place.axis >= axis:
        place = _shifted(place, 1)
    return [placed(place, [*dims[:axis], depth, *dims[axis:]])]


def _compress(call: Call) -> Sequence[Value]:
    """Which slices are kept is the same for all rows."""
    call.constants(1)
    tensor, dims = call.tensor(0), call.dims(0)
    if "axis" not in call.attributes:
        raise Mixes("over all axes mixes rows")
    axis = call.axis(0, len(dims))
    untouched(tensor, (axis,))
    return [placed(tensor.place, [*dims[:axis], call.new_size(), *dims[axis + 1 :]])]


def _reverse_sequence(call: Call) -> Sequence[Value]:
    """Each sequence is turned round in itself; its length is that of its row."""
    tensor, dims = call.tensor(0), call.dims(0)
    lengths = call.tensor(1)
    batch, time = call.number("batch_axis", 1), call.number("time_axis", 0)
    untouched(tensor, (time,))
    own = tensor.place if tensor.place is not None and tensor.place.axis == batch else None
    if _shifted(lengths.place, batch) != own:
        raise Mixes("takes the lengths of other rows")
    return [placed(tensor.place, dims)]


def _last_two(call: Call) -> Sequence[Value]:
    """A mask over the last two axes."""
    call.constants(1)
    tensor, dims = call.tensor(0), call.dims(0)
    untouched(tensor, (len(dims) - 2, len(dims) - 1))
    return [placed(tensor.place, dims)]


def _table_lookup(call: Call) -> Sequence[Value]:
    """`ArrayFeatureExtractor` picks along the last axis, by all elements of its second input in a line."""
    table, indices = call.tensor(0), call.tensor(1)
    dims, shape = call.dims(0), call.dims(1)
    if not dims:
        raise Mixes("picks from a scalar")
    front = dims[:-1] or (number(1),)
    if indices.place is None:
        untouched(table, (len(dims) - 1,))
        return [placed(table.place, [*front, product(shape)])]
    if table.place is not None:
        raise Mixes("picks elements by indices that differ between rows")
    line = _line(indices.place, shape)
    return [placed(Place(len(front), line.outer, line.inner), [*front, ROWS])]


def _line(place: Place, dims: Dims) -> Place:
    """Where the batch lies once all axes are one."""
    return Place(0, product(dims[: place.axis]) * place.outer, place.inner * product(dims[place.axis + 1 :]))


def _feature_vectors(call: Call) -> Sequence[Value]:
    """Tables side by side. The attribute says how many columns of each are taken."""
    tensors = call.tensors()
    if any(call.rank(index) != 2 for index in range(len(tensors))):
        raise Mixes("has an input that is not rows of columns")
    places = {tensor.place for tensor in tensors}
    if len(places) > 1 or any(place is not None and place.axis for place in places):
        raise Mixes("joins rows with other rows or with a constant")
    widths = call.numbers("inputdimensions")
    return [placed(tensors[0].place, [call.dims(0)[0], number(sum(widths)) if widths else call.new_size()])]


RULES: Mapping[str, Rule] = {
    "Compress": _compress,
    "Concat": _concat,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
    "OneHot": _one_hot,
    "Pad": _pad,
    "ReverseSequence": _reverse_sequence,
    "Scatter": _scatter_elements,
    "ScatterElements": _scatter_elements,
    "ScatterND": _scatter_nd,
    "Slice": _slice,
    "Split": _split,
    "Trilu": _last_two,
}

TABLE_RULES: Mapping[str, Rule] = {
    "ArrayFeatureExtractor": _table_lookup,
    "FeatureVectorizer": _feature_vectors,
}
