"""Operators over `[rows, channels, height, width]` and its like: convolutions, pools, resizing, sampling."""

from collections.abc import Mapping, Sequence

from dagc.models.rows.call import Call, Rule, from_front, untouched
from dagc.models.rows.size import ONE, Size, number, product, some_size
from dagc.models.rows.value import Dims, Mixes, Tensor, Value, placed


def _conv(call: Call) -> Sequence[Value]:
    """One filter for all rows."""
    call.constants_from(1)
    return [convolved(call, 1)]


def _integer_conv(call: Call) -> Sequence[Value]:
    """The zero points behind the filter are constants, and that of the input a scalar by definition."""
    call.constants_from(1)
    return [convolved(call, 1)]


def _quantised_conv(call: Call) -> Sequence[Value]:
    """Scales and zero points stand between input and filter."""
    call.constants_from(1)
    return [convolved(call, 3)]


def convolved(call: Call, filter_index: int) -> Tensor:
    """The result of filters `[channels, ...]` over an input whose batch is axis 0."""
    tensor, dims = _images(call)
    untouched(tensor, range(1, len(dims)))
    filters = call.any(filter_index).dims
    channels = call.new_size("channels") if filters is None else filters[0]
    kernel = call.numbers("kernel_shape")
    shape = tuple(map(number, kernel)) if kernel is not None else filters[2:] if filters else None
    return placed(tensor.place, [dims[0], channels, *_windows(call, dims[2:], shape)])


def _images(call: Call) -> tuple[Tensor, Dims]:
    tensor, dims = call.tensor(0), call.dims(0)
    if len(dims) < 3:
        raise Mixes("has an input without channels and space")
    return tensor, dims


def _windows(call: Call, space: Dims, kernel: Dims | None) -> list[Size]:
    """How many windows lie along each axis."""
    count = len(space)
    if kernel is None or len(kernel) != count:
        return [call.new_size(axis) for axis in range(count)]
    strides = call.numbers("strides") or (1,) * count
    dilations = call.numbers("dilations") or (1,) * count
    pads = call.numbers("pads") or (0,) * (2 * count)
    mode = call.text("auto_pad", "NOTSET")
    rounding = int(call.flag("ceil_mode", 0))
    if not len(strides) == len(dilations) == count or len(pads) != 2 * count:
        raise Mixes("has attributes that do not fit its input")
    return [
        _window_count(size, window, strides[i], dilations[i], pads[i] + pads[i + count], (mode, rounding))
        for i, (size, window) in enumerate(zip(space, kernel, strict=True))
    ]


def _window_count(
    size: Size, window: Size, stride: int, dilation: int, pad: int, rounding: tuple[str, int]
) -> Size:
    if rounding == ("NOTSET", 0) and window.value is not None and stride >= 1:
        spread = dilation * (window.value - 1)
        if stride == 1 and pad == spread:
            return size
        if size.value is not None and size.value + pad - spread >= 1:
            return number((size.value + pad - spread - 1) // stride + 1)
    return some_size("windows", size, window, stride, dilation, pad, *rounding)


def _transposed_conv(call: Call) -> Sequence[Value]:
    call.constants_from(1)
    tensor, dims = _images(call)
    untouched(tensor, range(1, len(dims)))
    filters = call.any(1).dims
    group = number(call.number("group", 1))
    channels = call.new_size("channels") if filters is None else filters[1] * group
    return [placed(tensor.place, [dims[0], channels, *map(call.new_size, range(len(dims) - 2))])]


def _pool(call: Call) -> Sequence[Value]:
    """Each channel of each example by itself. Positions of maxima count over the whole batch: nothing is said."""
    tensor, dims = _images(call)
    untouched(tensor, range(2, len(dims)))
    kernel = call.numbers("kernel_shape")
    shape = None if kernel is None else tuple(map(number, kernel))
    return [placed(tensor.place, [*dims[:2], *_windows(call, dims[2:], shape)])]


def _global_pool(call: Call) -> Sequence[Value]:
    tensor, dims = _images(call)
    untouched(tensor, range(2, len(dims)))
    return [placed(tensor.place, [*dims[:2], *[ONE] * (len(dims) - 2)])]


def _resize(call: Call) -> Sequence[Value]:
    """Interpolates along the axes that change their size; the batch axis keeps its own, by a scale of one."""
    tensor, dims = call.tensor(0), call.dims(0)
    if call.text("coordinate_transformation_mode", "") == "tf_crop_and_resize":
        raise Mixes("crops every axis")
    first = 1 if call.node.op_type == "Upsample" or call.opset < 11 else 2
    given = call.numbers("axes")
    axes = range(len(dims)) if given is None else [from_front(axis, len(dims)) for axis in given]
    if tensor.place is not None and call.text("mode", "nearest") != "nearest":
        _interpolates_within_rows(tensor.place.axis, len(dims))
    by_scale = not call.given(3)
    if not by_scale:
        wanted = call.counts(3).flat
    else:
        wanted = _attribute_scales(call) if "scales" in call.attributes else call.counts(first).flat
    if len(wanted) != len(axes):
        raise Mixes("does not say how it scales each axis")
    exact = call.text("keep_aspect_ratio_policy", "stretch") == "stretch"
    sizes = list(dims)
    for axis, size in zip(axes, wanted, strict=True):
        if exact and size == (ONE if by_scale else dims[axis]):
            continue
        if tensor.place is not None and tensor.place.axis == axis:
            raise Mixes("may scale the batch axis")
        if not size.fixed:
            raise Mixes("scales by the batch size")
        sizes[axis] = size if exact and not by_scale else call.new_size(axis)
    return [placed(tensor.place, sizes)]


def _interpolates_within_rows(axis: int, rank: int) -> None:
    """Refuse an interpolation over the batch axis, even by a scale of one: it adds zero times the next row.

    onnxruntime walks `[rows, channels, height, width]` and the like example by example, but fewer axes all at
    once, and zero times infinity is not zero.
    """
    if rank not in (4, 5) or axis > 1:
        raise Mixes("interpolates along the batch axis")


def _attribute_scales(call: Call) -> tuple[Size, ...]:
    return tuple(
        number(int(scale)) if scale == int(scale) else some_size("scale", scale)
        for scale in call.attributes["scales"].floats
    )


def _grid_sample(call: Call) -> Sequence[Value]:
    tensor, dims = _images(call)
    grid, shape = call.tensor(1), call.dims(1)
    untouched(tensor, range(1, len(dims)))
    if grid.place != tensor.place:
        raise Mixes("samples rows at the points of other rows")
    return [placed(tensor.place, [*dims[:2], *shape[1:-1]])]


def _columns_to_image(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    call.constants(1, 2)
    untouched(tensor, range(1, len(dims)))
    image, block = call.counts(1).flat, product(call.counts(2).flat)
    channels = dims[1].over(block) or call.new_size("channels")
    return [placed(tensor.place, [dims[0], channels, *image])]


def _center_crop_pad(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    given = call.numbers("axes")
    axes = range(len(dims)) if given is None else [from_front(axis, len(dims)) for axis in given]
    wanted = call.counts(1).flat
    if len(wanted) != len(axes):
        raise Mixes("does not say what it crops")
    untouched(tensor, tuple(axes))
    sizes = list(dims)
    for axis, size in zip(axes, wanted, strict=True):
        sizes[axis] = size
    return [placed(tensor.place, sizes)]


def _deformable_conv(call: Call) -> Sequence[Value]:
    """Offsets and mask go row by row with the input; filter and bias are the same for all."""
    call.constants(1, 3)
    tensor = call.tensor(0)
    for index in (2, 4):
        if call.given(index) and call.tensor(index).place != tensor.place:
            raise Mixes("samples rows at the points of other rows")
    return [convolved(call, 1)]


_POOLS = ("AveragePool", "LpPool", "MaxPool")
_GLOBAL_POOLS = ("GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool")

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_POOLS, _pool),
    **dict.fromkeys(_GLOBAL_POOLS, _global_pool),
    "CenterCropPad": _center_crop_pad,
    "Col2Im": _columns_to_image,
    "Conv": _conv,
    "ConvInteger": _integer_conv,
    "ConvTranspose": _transposed_conv,
    "DeformConv": _deformable_conv,
    "GridSample": _grid_sample,
    "QLinearConv": _quantised_conv,
    "Resize": _resize,
    "Upsample": _resize,
}
