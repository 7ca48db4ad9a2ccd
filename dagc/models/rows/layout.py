"""Operators that rearrange axes: the batch may move, and merge with others as long as it can be found again."""

from collections.abc import Mapping, Sequence

from dagc.models.rows.broadcast import is_one
from dagc.models.rows.call import Call, Rule, from_front, untouched
from dagc.models.rows.exact import FLOAT
from dagc.models.rows.size import ONE, Size, number, product, some_size
from dagc.models.rows.value import (
    Counts,
    Dims,
    Mixes,
    Place,
    Tensor,
    Value,
    broadcast_size,
    constant,
    padded,
    placed,
)

_MOST_AXES = 64


def _transpose(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    order = call.numbers("perm") or tuple(reversed(range(len(dims))))
    if sorted(order) != list(range(len(dims))):
        raise Mixes("does not permute the axes of its input")
    place = tensor.place
    moved = None if place is None else Place(order.index(place.axis), place.outer, place.inner)
    return [placed(moved, [dims[axis] for axis in order])]


def _reshape(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    target = _target(call)
    if not call.flag("allowzero", 0):
        if any(size.value == 0 and axis >= len(dims) for axis, size in enumerate(target)):
            raise Mixes("copies an axis its input has not")
        target = [dims[axis] if size.value == 0 else size for axis, size in enumerate(target)]
    return [reshaped(tensor, _with_inferred(call, dims, target))]


def _target(call: Call, index: int = 1) -> list[Size]:
    counts = call.counts(index)
    if len(counts.shape) != 1 or len(counts.flat) > _MOST_AXES:
        raise Mixes("has a target that is not a shape")
    return list(counts.flat)


def _with_inferred(call: Call, dims: Dims, target: Sequence[Size]) -> list[Size]:
    """The target with its -1 worked out, as a quotient or else as an unknown that no row decides.

    A size that might be 0 or -1, which would stand for another, is not taken at its word, nor is what is inferred
    beside it.
    """
    doubtful = [axis for axis, size in enumerate(target) if size.value != -1 and not size.positive]
    if any(not target[axis].fixed for axis in doubtful):
        raise Mixes("computes a shape with the batch size in a way that is not followed")
    sizes = [call.new_size(axis) if axis in doubtful else size for axis, size in enumerate(target)]
    inferred = [axis for axis, size in enumerate(target) if size.value == -1]
    if not inferred:
        return sizes
    others = product(size for axis, size in enumerate(sizes) if axis != inferred[0])
    rest = None if doubtful else product(dims).over(others)
    sizes[inferred[0]] = rest if rest is not None and rest.positive else call.new_size(inferred[0])
    return sizes


def reshaped(tensor: Tensor, target: Sequence[Size]) -> Tensor:
    """The tensor with its elements, in the same order, under other axes.

    Row n of a batch lies at (o * rows + n) * inner + i within its axis, so at the same form of number among all
    elements, `before` of them counting the axes in front as well. The batch is found again at an axis whose size
    holds the number of rows, when what stands in front of the rows there comes to `before` too.
    """
    place = tensor.place
    if place is None:
        return placed(None, target)
    given, wanted = product(tensor.dims or ()), product(target)
    if given.at_least(wanted + ONE) or wanted.at_least(given + ONE):
        raise Mixes("gives a shape that does not fit")
    axis = next((at for at, size in enumerate(target) if not size.fixed), None)
    if axis is None:
        raise Mixes("gives a shape that does not hold the batch")
    before = product((tensor.dims or ())[: place.axis]) * place.outer
    per_row = target[axis].per_row()
    outer = before.over(product(target[:axis]))
    inner = None if per_row is None or outer is None else per_row.over(outer)
    if outer is None or inner is None or not (outer.positive and inner.positive):
        raise Mixes("folds the batch axis into another, so rows run together")
    return placed(Place(axis, outer, inner), target)


def _flatten(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    axis = call.number("axis", 1)
    axis = axis + len(dims) if axis < 0 else axis
    return [reshaped(tensor, [product(dims[:axis]), product(dims[axis:])])]


def _squeeze(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    given = call.axes("axes", 1)
    if given is None and tensor.place is not None:
        raise Mixes("drops the batch axis of a batch of one")
    if given is None and any(size.value is None for size in dims):
        raise Mixes("drops axes that are not known")
    if given is None:
        axes = [axis for axis, size in enumerate(dims) if is_one(size)]
    else:
        axes = [from_front(axis, len(dims)) for axis in given]
    if tensor.place is not None and tensor.place.axis in axes:
        raise Mixes("drops the batch axis")
    return [without_axes(tensor, dims, axes)]


def without_axes(tensor: Tensor, dims: Dims, axes: Sequence[int]) -> Tensor:
    """The tensor without some axes, the batch not being among them."""
    place = tensor.place
    if place is not None:
        place = Place(place.axis - sum(axis < place.axis for axis in set(axes)), place.outer, place.inner)
    return placed(place, [size for axis, size in enumerate(dims) if axis not in axes])


def _unsqueeze(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    given = call.axes("axes", 1)
    if given is None or len(given) > _MOST_AXES:
        raise Mixes("does not say which axes it adds")
    rank = len(dims) + len(given)
    return [with_axes(tensor, dims, {from_front(axis, rank): ONE for axis in given})]


def with_axes(tensor: Tensor, dims: Dims, added: Mapping[int, Size]) -> Tensor:
    """The tensor with further axes, by their position in the result."""
    rest = iter(enumerate(dims))
    sizes: list[Size] = []
    place = tensor.place
    for axis in range(len(dims) + len(added)):
        if axis in added:
            sizes.append(added[axis])
            continue
        source, size = next(rest)
        sizes.append(size)
        if tensor.place is not None and source == tensor.place.axis:
            place = Place(axis, tensor.place.outer, tensor.place.inner)
    return placed(place, sizes)


def _expand(call: Call) -> Sequence[Value]:
    """Broadcasting to a shape. What had no rows gets them, all equal, along an axis the shape makes a batch."""
    tensor, dims = call.tensor(0), call.dims(0)
    target = _target(call)
    rank = max(len(dims), len(target))
    own, wanted = padded(dims, rank), padded(tuple(target), rank)
    place = tensor.place and Place(tensor.place.axis + rank - len(dims), tensor.place.outer, tensor.place.inner)
    sizes: list[Size] = []
    for axis, (a, b) in enumerate(zip(own, wanted, strict=True)):
        if place is not None and axis == place.axis and not (is_one(b) or a == b):
            raise Mixes("stretches the batch axis")
        if b is not None and not b.fixed and (place is None or axis != place.axis):
            place = _new_place(place, axis, a, b)
            sizes.append(b)
            continue
        sizes.append(broadcast_size([size for size in (a, b) if size is not None]))
    return [placed(place, sizes)]


def _new_place(place: Place | None, axis: int, own: Size | None, wanted: Size) -> Place:
    per_row = wanted.per_row()
    if place is not None or per_row is None or not per_row.positive or not is_one(own):
        raise Mixes("stretches another axis by the batch size")
    return Place(axis, ONE, per_row)


def _tile(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    repeats = _target(call)
    if len(repeats) != len(dims):
        raise Mixes("does not say how often it repeats each axis")
    place = tensor.place
    for axis, repeat in enumerate(repeats):
        if place is not None and axis == place.axis and repeat.positive and repeat.fixed:
            place = Place(axis, repeat * place.outer, place.inner)
        elif not repeat.fixed:
            per_row = repeat.per_row()
            if place is not None or per_row is None or not per_row.positive:
                raise Mixes("repeats another axis by the batch size")
            place = Place(axis, ONE, per_row * dims[axis])
        elif place is not None and axis == place.axis:
            raise Mixes("repeats the rows")
    return [placed(place, [size * repeat for size, repeat in zip(dims, repeats, strict=True)])]


def _constant_of_shape(call: Call) -> Sequence[Value]:
    """The same number everywhere, so every row of it is like any other."""
    target = _target(call, 0)
    place: Place | None = None
    for axis, size in enumerate(target):
        if not size.fixed:
            place = _new_place(place, axis, None, size)
    tensor = placed(place, target)
    shape = tuple(size.value for size in target)
    if place is not None or None in shape or product(target).value not in range(1, 65):
        return [tensor]
    kind, fill = _fill(call)
    flat = (fill,) * (product(target).value or 0)
    return [Tensor(tensor.dims, counts=Counts(tuple(size or 0 for size in shape), flat, kind))]


def _fill(call: Call) -> tuple[int, Size]:
    """The element type and the number it is filled with; no element type stands for one that is not followed."""
    from onnx import numpy_helper

    if "value" not in call.attributes:
        return FLOAT, number(0)
    filled = call.attributes["value"].t
    array = numpy_helper.to_array(filled).reshape(-1)
    if array.dtype.kind not in "iubf":
        raise Mixes("fills a shape with other than numbers")
    return filled.data_type, constant(array.tolist()[0])


def _shape(call: Call) -> Sequence[Value]:
    dims = call.dims(0)
    cut = dims[call.number("start", 0) : call.number("end", len(dims))]
    return [Tensor((number(len(cut)),), counts=Counts((len(cut),), cut))]


def _element_count(call: Call) -> Sequence[Value]:
    return [Tensor((), counts=Counts((), (product(call.dims(0)),)))]


def _range(call: Call) -> Sequence[Value]:
    start, limit, delta = (call.counts(index).flat[0] for index in range(3))
    if not all(size.fixed for size in (start, limit, delta)):
        raise Mixes("numbers the rows")
    whole = call.counts(0).whole
    length = limit - start if whole and delta == ONE else some_size("range", start, limit, delta)
    known = tuple(size.value or 0 for size in (start, limit, delta) if size.value is not None)
    if not whole or len(known) < 3 or not known[2] or len(range(*known)) > _MOST_AXES:
        return [placed(None, [length])]
    values = tuple(map(number, range(*known)))
    return [Tensor((number(len(values)),), counts=Counts((len(values),), values, call.counts(0).kind))]


def _depth_to_space(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    if len(dims) != 4:
        raise Mixes("has an input without channels and space")
    untouched(tensor, (1, 2, 3))
    block = number(call.number("blocksize", 1))
    area = block * block
    if call.node.op_type == "DepthToSpace":
        channels, space = dims[1].over(area), [size * block for size in dims[2:]]
    else:
        channels = dims[1] * area
        space = [size.over(block) or call.new_size(axis) for axis, size in enumerate(dims[2:])]
    return [placed(tensor.place, [dims[0], channels or call.new_size("channels"), *space])]


RULES: Mapping[str, Rule] = {
    "ConstantOfShape": _constant_of_shape,
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "Flatten": _flatten,
    "Range": _range,
    "Reshape": _reshape,
    "Shape": _shape,
    "Size": _element_count,
    "SpaceToDepth": _depth_to_space,
    "Squeeze": _squeeze,
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
