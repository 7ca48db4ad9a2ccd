"""Products that sum over axes: matrix products, Einstein sums, attention. None may sum over the batch axis.

Every product is read as an Einstein sum: each axis of each operand has a label, equal labels are walked together,
and labels the result lacks are summed over.
"""

import string
from collections.abc import Mapping, Sequence

from dagc.models.rows.broadcast import aligned_place, broadcast, is_one
from dagc.models.rows.call import Call, Rule
from dagc.models.rows.size import Size, number
from dagc.models.rows.value import Mixes, Place, Tensor, Value, broadcast_size, placed

Labels = Sequence[str]


def contract(operands: Sequence[tuple[Tensor, Labels]], result: Labels) -> Tensor:
    """The Einstein sum of the operands. Labels that are repeated where sizes are one follow broadcasting."""
    sizes: dict[str, list[Size]] = {}
    for tensor, labels in operands:
        if tensor.dims is None or len(tensor.dims) != len(labels):
            raise Mixes("has an operand of unknown rank")
        for label, size in zip(labels, tensor.dims, strict=True):
            sizes.setdefault(label, []).append(size)
    place = _batch_label(operands)
    if place is None:
        return placed(None, [broadcast_size(sizes[label]) for label in result])
    label, outer, inner = place
    if label not in result:
        raise Mixes("sums over the batch axis")
    for tensor, labels in operands:
        _joins_the_batch(tensor, labels, label)
    dims = [sizes[name][0] if name == label else broadcast_size(sizes[name]) for name in result]
    return placed(Place(list(result).index(label), outer, inner), dims)


def _batch_label(operands: Sequence[tuple[Tensor, Labels]]) -> tuple[str, Size, Size] | None:
    found = {
        (labels[tensor.place.axis], tensor.place.outer, tensor.place.inner)
        for tensor, labels in operands
        if tensor.place is not None
    }
    if len(found) > 1:
        raise Mixes("multiplies rows by rows that do not lie in the same place")
    return next(iter(found), None)


def _joins_the_batch(tensor: Tensor, labels: Labels, label: str) -> None:
    if list(labels).count(label) > 1:
        raise Mixes("takes the diagonal of the batch axis")
    if tensor.place is None and label in labels and not is_one((tensor.dims or ())[list(labels).index(label)]):
        raise Mixes("combines the batch axis with a constant")


def _matmul(call: Call) -> Sequence[Value]:
    return [matrix_product(call.tensor(0), call.tensor(1))]


def matrix_product(left: Tensor, right: Tensor) -> Tensor:
    """The product of stacks of matrices, by NumPy's rules for vectors and for broadcasting the stacks."""
    if left.dims is None or right.dims is None:
        raise Mixes("has an operand of unknown rank")
    if not left.dims or not right.dims:
        raise Mixes("multiplies a scalar as a matrix")
    rows = ["row"] if len(left.dims) > 1 else []
    columns = ["column"] if len(right.dims) > 1 else []
    stacks = [_stack(len(left.dims) - 1 - len(rows)), _stack(len(right.dims) - 1 - len(columns))]
    operands = [
        (left, [*stacks[0], *rows, "summed"]),
        (right, [*stacks[1], "summed", *columns]),
    ]
    return contract(operands, [*max(stacks, key=len), *rows, *columns])


def _stack(count: int) -> list[str]:
    """Labels of the axes in front, counted from the right as broadcasting does."""
    return [f"stack {axis}" for axis in reversed(range(count))]


def _gemm(call: Call) -> Sequence[Value]:
    left = ["summed", "row"] if call.flag("transA", 0) else ["row", "summed"]
    right = ["column", "summed"] if call.flag("transB", 0) else ["summed", "column"]
    result = contract([(call.tensor(0), left), (call.tensor(1), right)], ["row", "column"])
    return [broadcast([result, call.tensor(2)]) if call.given(2) else result]


def _einsum(call: Call) -> Sequence[Value]:
    equation = call.text("equation", "").replace(" ", "")
    left, arrow, right = equation.partition("->")
    terms = left.split(",")
    tensors = call.tensors()
    if len(terms) != len(tensors) or not set(equation) <= set(string.ascii_letters + ".,->"):
        raise Mixes("has an equation that is not followed")
    labels = [_labels(term, tensor) for term, tensor in zip(terms, tensors, strict=True)]
    widest = max((sum(name.startswith("stack") for name in names) for names in labels), default=0)
    result = _expanded(right, widest) if arrow else _implied(left, widest)
    if len(set(result)) < len(result) or not set(result) <= {name for names in labels for name in names}:
        raise Mixes("has an equation that is not followed")
    return [contract(list(zip(tensors, labels, strict=True)), result)]


def _labels(term: str, tensor: Tensor) -> list[str]:
    rank = len(tensor.dims or ())
    return _expanded(term, rank - len(term.replace("...", "")))


def _expanded(term: str, stack: int) -> list[str]:
    front, dots, back = term.partition("...")
    if "." in front + back or stack < 0:
        raise Mixes("has an equation that is not followed")
    return [*front, *(_stack(stack) if dots else []), *back]


def _implied(left: str, stack: int) -> list[str]:
    """Without an arrow the result has the labels that stand once, in alphabetical order, behind the ellipsis."""
    letters = [letter for letter in left if letter in string.ascii_letters]
    return [*_stack(stack if "..." in left else 0), *sorted(name for name in letters if letters.count(name) == 1)]


def _quantised_matmul(call: Call) -> Sequence[Value]:
    """Scales and zero points stand between the operands; only those of a constant operand may go by column."""
    call.constants(1, 2, 4, 5, 6, 7)
    _scalar(call, 1, 2, 6, 7)
    if call.tensor(3).place is not None:
        _scalar(call, 4, 5)
    return [matrix_product(call.tensor(0), call.tensor(3))]


def _integer_matmul(call: Call) -> Sequence[Value]:
    call.constants(2, 3)
    _scalar(call, 2)
    if call.tensor(1).place is not None:
        _scalar(call, 3)
    return [matrix_product(call.tensor(0), call.tensor(1))]


def _scalar(call: Call, *indices: int) -> None:
    """Refuse scales that would go by row."""
    for index in indices:
        if call.given(index) and call.dims(index) not in ((), (number(1),)):
            raise Mixes("takes a scale for every row from a constant")


def _attention(call: Call) -> Sequence[Value]:
    """Each example attends to itself: the batch is axis 0 of queries, keys, values and past, and of a mask."""
    query, dims = call.tensor(0), call.dims(0)
    rows = _Rows(query, len(dims))
    rows.alike(call, 1, 2, 4, 5, 6)
    if call.given(3):
        _mask_fits(call.tensor(3), query)
    front = dims[:1]
    heads = [call.new_size("heads"), call.new_size("keys"), call.new_size("width")]
    result = [*dims[:-1], call.new_size("result")]
    cache = placed(query.place, [*front, *heads])
    return [placed(query.place, result), cache, cache, placed(query.place, [*front, *heads])]


class _Rows:
    """Where the batch of the first operand lies, which has to be axis 0 where there are rows at all."""

    def __init__(self, first: Tensor, rank: int) -> None:
        if rank < 3 or (first.place is not None and first.place.axis != 0):
            raise Mixes("expects the batch along axis 0")
        self.place = first.place

    def alike(self, call: Call, *indices: int) -> None:
        """Refuse further operands that do not go row by row with the first."""
        for index in indices:
            if call.given(index) and call.tensor(index).place != self.place:
                raise Mixes("combines rows with a constant or with other rows")


def _mask_fits(mask: Tensor, query: Tensor) -> None:
    """A mask is broadcast to `[rows, heads, queries, keys]`."""
    if mask.dims is None or len(mask.dims) > 4:
        raise Mixes("has an operand of unknown rank")
    if mask.place is not None and aligned_place(mask, 4) != query.place:
        raise Mixes("combines operands whose batches lie along different axes")
    if mask.place is None and query.place is not None and len(mask.dims) == 4 and not is_one(mask.dims[0]):
        raise Mixes("combines the batch axis with a constant")


def _rotary(call: Call) -> Sequence[Value]:
    """Angles are looked up by position in a table, or given for every row."""
    tensor, dims = call.tensor(0), call.dims(0)
    rows = _Rows(tensor, len(dims))
    if call.given(3):
        call.constants(1, 2)
        rows.alike(call, 3)
    else:
        rows.alike(call, 1, 2)
    return [placed(tensor.place, dims)]


RULES: Mapping[str, Rule] = {
    "Attention": _attention,
    "Einsum": _einsum,
    "Gemm": _gemm,
    "MatMul": _matmul,
    "MatMulInteger": _integer_matmul,
    "QLinearMatMul": _quantised_matmul,
    "RotaryEmbedding": _rotary,
}
