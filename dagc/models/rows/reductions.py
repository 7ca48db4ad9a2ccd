"""Operators over whole axes: sums, softmax, sorting, running sums, norms. None may run over the batch axis."""

from collections.abc import Mapping, Sequence

from dagc.models.rows.broadcast import aligned_place, is_one, unary
from dagc.models.rows.call import Call, Rule, from_front, untouched
from dagc.models.rows.layout import without_axes
from dagc.models.rows.size import ONE, Size, number
from dagc.models.rows.value import Mixes, Tensor, Value, padded, placed

_SOFTMAX_OF_ONE_AXIS = 13
"""The opset from which softmax runs over one axis; before, over that axis and all behind it."""


def _reduce(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    call.constants(1)
    given = call.axes("axes", 1)
    if not given and call.flag("noop_with_empty_axes", 0):
        return [placed(tensor.place, dims)]
    if not given and tensor.place is not None:
        raise Mixes("over all axes mixes rows")
    axes = [from_front(axis, len(dims)) for axis in given or range(len(dims))]
    return [_reduced(tensor, axes, keep=call.flag("keepdims", 1))]


def _reduced(tensor: Tensor, axes: Sequence[int], *, keep: bool) -> Tensor:
    untouched(tensor, axes)
    dims = tensor.dims or ()
    if keep:
        return placed(tensor.place, [ONE if axis in axes else size for axis, size in enumerate(dims)])
    return without_axes(tensor, dims, axes)


def _arg_reduce(call: Call) -> Sequence[Value]:
    tensor = call.tensor(0)
    return [_reduced(tensor, [call.axis(0, call.rank(0))], keep=call.flag("keepdims", 1))]


def _softmax(call: Call) -> Sequence[Value]:
    rank = call.rank(0)
    if call.opset >= _SOFTMAX_OF_ONE_AXIS:
        untouched(call.tensor(0), (call.axis(-1, rank),))
    else:
        untouched(call.tensor(0), range(call.axis(1, rank), rank))
    return unary(call)


def _lp_normalization(call: Call) -> Sequence[Value]:
    untouched(call.tensor(0), (call.axis(-1, call.rank(0)),))
    return unary(call)


def _running(call: Call) -> Sequence[Value]:
    """`CumSum` and `CumProd`: along an axis that is an input."""
    tensor, dims = call.tensor(0), call.dims(0)
    axes = call.whole_numbers(1)
    untouched(tensor, [from_front(axis, len(dims)) for axis in axes])
    return [placed(tensor.place, dims)]


def _top_k(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    axis = call.axis(-1, len(dims))
    untouched(tensor, (axis,))
    size = number(call.number("k", 1)) if "k" in call.attributes else call.counts(1).flat[0]
    return [placed(tensor.place, [*dims[:axis], size, *dims[axis + 1 :]])] * 2


def _layer_normalization(call: Call) -> Sequence[Value]:
    """Over the axes from `axis` on. The statistics it may also give have these axes reduced to one element."""
    tensor, dims = call.tensor(0), call.dims(0)
    axis = call.axis(-1, len(dims))
    untouched(tensor, range(axis, len(dims)))
    for index in range(1, len(call.inputs)):
        if call.given(index):
            _fits_behind(call.tensor(index), tensor, len(dims))
    statistics = placed(tensor.place, [*dims[:axis], *[ONE] * (len(dims) - axis)])
    return [placed(tensor.place, dims), statistics, statistics]


def _fits_behind(scale: Tensor, tensor: Tensor, rank: int) -> None:
    """Refuse a scale that is not the same for every row, nor row by row like its input."""
    if scale.dims is None or len(scale.dims) > rank:
        raise Mixes("has an operand of unknown rank")
    if scale.place is not None and aligned_place(scale, rank) != tensor.place:
        raise Mixes("combines operands whose batches lie along different axes")
    if scale.place is None and tensor.place and not is_one(padded(scale.dims, rank)[tensor.place.axis]):
        raise Mixes("combines the batch axis with a constant")


def _mean_variance(call: Call) -> Sequence[Value]:
    """Normalises over `axes`, which holds axis 0 unless it is told otherwise."""
    axes = call.numbers("axes") or (0, 2, 3)
    untouched(call.tensor(0), [from_front(axis, call.rank(0)) for axis in axes])
    return unary(call)


def _channel_statistics(call: Call) -> Sequence[Value]:
    """Statistics of each example of `[rows, channels, ...]`; the parameters are constants."""
    untouched(call.tensor(0), range(1, call.rank(0)))
    return unary(call)


def _batch_normalization(call: Call) -> Sequence[Value]:
    """Applies stored statistics by channel; training would take those of the batch.

    Training is an attribute since opset 14; before, it was meant by asking for further outputs.
    """
    tensor, rank = call.tensor(0), call.rank(0)
    if call.flag("training_mode", 0) or sum(map(bool, call.node.output)) > 1:
        raise Mixes("takes the statistics of the batch when it trains")
    if rank < 2:
        raise Mixes("has an input without channels")
    untouched(tensor, (1,) if call.flag("spatial", 1) else range(1, rank))
    return unary(call)


def _determinant(call: Call) -> Sequence[Value]:
    tensor, dims = call.tensor(0), call.dims(0)
    return [_reduced(tensor, range(max(len(dims) - 2, 0), len(dims)), keep=False)]


def _normalized(call: Call) -> Sequence[Value]:
    """A line of texts, each in another case; stop words would be dropped from it."""
    if call.rank(0) != 1 or "stopwords" in call.attributes:
        raise Mixes("drops texts or takes a single row of them")
    return unary(call)


def _term_counts(call: Call) -> Sequence[Value]:
    """`TfIdfVectorizer` counts terms along the last axis of `[rows, tokens]`; a line of tokens is one document."""
    tensor, dims = call.tensor(0), call.dims(0)
    untouched(tensor, range(1 if len(dims) > 1 else 0, len(dims)))
    return [placed(tensor.place, [*dims[:-1], _vocabulary(call)])]


def _vocabulary(call: Call) -> Size:
    indexes = call.numbers("ngram_indexes")
    return number(max(indexes) + 1) if indexes else call.new_size()


_REDUCTIONS = """
    ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare
"""

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_REDUCTIONS.split(), _reduce),
    **dict.fromkeys(("ArgMax", "ArgMin"), _arg_reduce),
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), _softmax),
    **dict.fromkeys(("CumSum", "CumProd"), _running),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), _layer_normalization),
    **dict.fromkeys(("GroupNormalization", "InstanceNormalization", "LRN"), _channel_statistics),
    "BatchNormalization": _batch_normalization,
    "Det": _determinant,
    "LpNormalization": _lp_normalization,
    "MeanVarianceNormalization": _mean_variance,
    "StringNormalizer": _normalized,
    "TfIdfVectorizer": _term_counts,
    "TopK": _top_k,
}
