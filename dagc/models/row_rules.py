"""The list of row-wise operators: for each a rule that says in words why a node mixes rows, or nothing.

Rules see nodes at least one of whose inputs is rows. A rule is sound for every opset from 7 of the default domain
and every version of ai.onnx.ml.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagc.models.row_values import Values

if TYPE_CHECKING:
    import onnx

_ML = "ai.onnx.ml"


@dataclass(frozen=True, slots=True)
class Seen:
    """A node with what is known of its values."""

    node: "onnx.NodeProto"
    values: Values

    def is_row(self, index: int) -> bool:
        """Whether the input is there and depends on the model's inputs."""
        return index < len(self.node.input) and self.values.kind(self.node.input[index]) is not None

    def rank(self, index: int) -> int | None:
        """The number of axes of an input, where it is known."""
        dims = self.dims(index)
        return None if dims is None else len(dims)

    def dims(self, index: int) -> tuple[int | str | None, ...] | None:
        """The sizes of an input, where its rank is known."""
        return self.values.dims(self.node.input[index])

    def number(self, name: str, default: int) -> int:
        """An integer attribute."""
        return next((attribute.i for attribute in self.node.attribute if attribute.name == name), default)

    def numbers(self, name: str, index: int | None = None) -> list[int] | None:
        """A list of integers given as attribute `name`, or as the constant input `index`; `None` if neither."""
        for attribute in self.node.attribute:
            if attribute.name == name:
                return list(attribute.ints)
        if index is None or index >= len(self.node.input):
            return None
        constant = self.values.constant(self.node.input[index])
        return None if constant is None else [int(number) for number in constant.reshape(-1)]


Rule = Callable[[Seen], str | None]


def _row_by_row(seen: Seen) -> str | None:
    """One input of rows, the others constants that are the same for every row."""
    return (
        "takes rows where a constant is expected"
        if any(map(seen.is_row, range(1, len(seen.node.input))))
        else None
    )


def _elementwise(seen: Seen) -> str | None:
    """Axis 0 of every rows operand has to stay axis 0 under broadcasting, and no constant may reach into it."""
    given = [index for index, name in enumerate(seen.node.input) if name]
    ranks = [seen.rank(index) for index in given]
    known = [rank for rank in ranks if rank is not None]
    if len(known) < len(ranks):
        return "has an operand of unknown rank"
    widest = max(known)
    for index, rank in zip(given, known, strict=True):
        dims = seen.dims(index) or ()
        if seen.is_row(index) and rank < widest:
            return f"broadcasts {rank} axes to {widest}, which moves the batch axis"
        if not seen.is_row(index) and rank == widest and dims[:1] != (1,):
            return "combines the batch axis with a constant"
    return None


def _behind_the_batch(seen: Seen) -> str | None:
    """Constants that are broadcast to the rows have fewer axes than these."""
    rank = seen.rank(0)
    given = [seen.rank(index) for index, name in enumerate(seen.node.input) if index and name]
    if rank is None or any(other is None or other >= rank for other in given):
        return "combines the batch axis with a constant"
    return _row_by_row(seen)


def _along(attribute: str = "axis", default: int | None = None) -> Rule:
    """An operator over one axis, which must not be axis 0."""

    def rule(seen: Seen) -> str | None:
        axis = next((a.i for a in seen.node.attribute if a.name == attribute), default)
        return _touches_batch(seen, [0 if axis is None else axis])

    return rule


def _touches_batch(seen: Seen, axes: Sequence[int]) -> str | None:
    rank = seen.rank(0)
    if any(axis < 0 for axis in axes) and rank is None:
        return "counts its axis from the end of a tensor of unknown rank"
    return (
        "over axis 0 mixes rows"
        if any((axis + rank if axis < 0 and rank else axis) == 0 for axis in axes)
        else None
    )


def _reduction(seen: Seen) -> str | None:
    axes = seen.numbers("axes", 1)
    if not axes:
        return "over all axes mixes rows"
    return _touches_batch(seen, axes) or _row_by_row(seen)


def _axes_given(seen: Seen) -> str | None:
    """`Squeeze` and `Unsqueeze`: the new or dropped axes are behind the batch axis."""
    axes = seen.numbers("axes", 1)
    if axes is None:
        return "does not say which axes it changes"
    if seen.node.op_type == "Squeeze":
        return _touches_batch(seen, axes) and "drops the batch axis"
    rank = seen.rank(0)
    if rank is None:
        return "has an input of unknown rank"
    return "puts an axis before the batch axis" if any(a % (rank + len(axes)) == 0 for a in axes) else None


def _concat(seen: Seen) -> str | None:
    if not all(seen.is_row(index) for index in range(len(seen.node.input))):
        return "joins rows with a constant"
    return _touches_batch(seen, [seen.number("axis", 0)])


def _gather(seen: Seen) -> str | None:
    if seen.is_row(0) and seen.is_row(1):
        return "picks elements by indices that differ between rows"
    rank = seen.rank(0)
    axis = seen.number("axis", 0)
    if rank is None:
        return "has an input of unknown rank"
    if seen.is_row(1):
        return None if axis % rank == 0 else "puts the rows behind an axis of its table"
    return "over axis 0 mixes rows" if axis % rank == 0 else None


def _gather_elements(seen: Seen) -> str | None:
    if not (seen.is_row(0) and seen.is_row(1)):
        return "picks elements of rows by constant indices"
    return _touches_batch(seen, [seen.number("axis", 0)])


def _slice(seen: Seen) -> str | None:
    axes = seen.numbers("axes", 3)
    if any(seen.is_row(index) for index in range(1, len(seen.node.input))):
        return "takes rows where a constant is expected"
    if axes is None:
        return "does not say which axes it cuts"
    return _touches_batch(seen, axes)


def _transpose(seen: Seen) -> str | None:
    order = seen.numbers("perm")
    return None if order and order[0] == 0 else "moves the batch axis"


def _flatten(seen: Seen) -> str | None:
    return None if seen.number("axis", 1) == 1 else "folds the batch axis into another"


def _reshape(seen: Seen) -> str | None:
    """`[0, ...]` keeps axis 0. `[-1, k]` does when an example has exactly k elements."""
    shape = seen.numbers("", 1)
    if shape is None:
        return "to a computed shape is not followed"
    if shape[:1] == [0] and not seen.number("allowzero", 0):
        return None
    dims = seen.dims(0)
    if shape[:1] != [-1] or any(size <= 0 for size in shape[1:]):
        return "does not keep the batch axis"
    if dims is None or math.prod(shape[1:]) != math.prod(d if isinstance(d, int) else 0 for d in dims[1:]):
        return "folds other axes into the batch axis"
    return None


def _matmul(seen: Seen) -> str | None:
    """Rows times a constant matrix. Between rows only the stacked form, where the batch is not in the product."""
    left, right = seen.rank(0), seen.rank(1)
    if left is None or right is None:
        return "has an operand of unknown rank"
    if seen.is_row(0) and not seen.is_row(1):
        return None if left >= 2 and right <= 2 else "multiplies the batch axis by a constant"
    if not seen.is_row(0):
        return "multiplies a constant by rows"
    return None if left == right >= 3 else "multiplies rows by rows"


def _gemm(seen: Seen) -> str | None:
    if seen.number("transA", 0) or seen.is_row(1) or not seen.is_row(0):
        return "sums over the batch axis"
    if len(seen.node.input) < 3 or not seen.node.input[2]:
        return None
    dims = seen.dims(2)
    if seen.is_row(2):
        return None if dims is not None and len(dims) == 2 else "broadcasts rows over the batch axis"
    return (
        None if dims is not None and (len(dims) < 2 or dims[0] == 1) else "combines the batch axis with a constant"
    )


def _split(seen: Seen) -> str | None:
    return _touches_batch(seen, [seen.number("axis", 0)]) or _row_by_row(seen)


def _dropout(seen: Seen) -> str | None:
    if len(seen.node.input) > 2 and seen.node.input[2]:
        training = seen.values.constant(seen.node.input[2])
        if training is None or training.any():
            return "draws at random when it trains"
    return "gives its mask" if len(seen.node.output) > 1 else _row_by_row(seen)


def _batch_normalization(seen: Seen) -> str | None:
    """Training takes the statistics of the batch: an attribute since opset 14, further outputs before."""
    if seen.number("training_mode", 0) or len(seen.node.output) > 1:
        return "takes the statistics of the batch when it trains"
    rank = seen.rank(0)
    return _row_by_row(seen) if rank is not None and rank >= 2 else "has an input without columns"


def _spatial(seen: Seen) -> str | None:
    rank = seen.rank(0)
    if len(seen.node.output) > 1:
        return "gives positions counted over the whole batch"
    return _row_by_row(seen) if rank is not None and rank >= 3 else "has an input without channels and space"


def _one_hot(seen: Seen) -> str | None:
    rank = seen.rank(0)
    if rank is None:
        return "has an input of unknown rank"
    if seen.number("axis", -1) % (rank + 1) == 0:
        return "puts an axis before the batch axis"
    return _row_by_row(seen)


def _two_axes(seen: Seen) -> str | None:
    """Tables of rows and columns; a vector would be taken for a single row."""
    return _row_by_row(seen) if seen.rank(0) == 2 else "has an input that is not rows of columns"


def _feature_vectors(seen: Seen) -> str | None:
    if not all(seen.is_row(index) for index in range(len(seen.node.input))):
        return "joins rows with a constant"
    ranks = {seen.rank(index) for index in range(len(seen.node.input))}
    return None if ranks == {2} else "has an input that is not rows of columns"


def _feature_columns(seen: Seen) -> str | None:
    """Columns by constant indices; labels by one index a row are followed in `rowwise.py`."""
    rank = seen.rank(0)
    return None if rank is not None and rank >= 2 else "over axis 0 mixes rows"


def _rules(domain: str, names: str, rule: Rule) -> dict[tuple[str, str], Rule]:
    return {(domain, name): rule for name in names.split()}


_UNARY = """
    Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Cast Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid
    HardSwish Identity IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin
    Sinh Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu
"""
_BROADCASTING = """
    Add And BitwiseAnd BitwiseOr BitwiseXor Clip Div Equal Greater GreaterOrEqual Less LessOrEqual Max Mean Min Mod
    Mul Or PRelu Pow Sub Sum Where Xor
"""

RULES: Mapping[tuple[str, str], Rule] = {
    **_rules("", _UNARY, _row_by_row),
    **_rules("", _BROADCASTING, _elementwise),
    **_rules("", "Softmax LogSoftmax Hardmax LpNormalization", _along(default=-1)),
    **_rules("", "ArgMax ArgMin", _along(default=0)),
    **_rules("", "TopK", lambda seen: _along(default=-1)(seen) or _row_by_row(seen)),
    **_rules("", "LayerNormalization", lambda seen: _along(default=-1)(seen) or _behind_the_batch(seen)),
    **_rules(
        "",
        "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum "
        "ReduceSumSquare",
        _reduction,
    ),
    **_rules("", "Squeeze Unsqueeze", _axes_given),
    **_rules("", "Concat", _concat),
    **_rules("", "Gather", _gather),
    **_rules("", "GatherElements", _gather_elements),
    **_rules("", "Slice", _slice),
    **_rules("", "Split", _split),
    **_rules("", "Transpose", _transpose),
    **_rules("", "Flatten", _flatten),
    **_rules("", "Reshape", _reshape),
    **_rules("", "MatMul", _matmul),
    **_rules("", "Gemm", _gemm),
    **_rules("", "OneHot", _one_hot),
    **_rules("", "Dropout", _dropout),
    **_rules("", "BatchNormalization", _batch_normalization),
    **_rules("", "AveragePool Conv ConvTranspose GlobalAveragePool GlobalMaxPool MaxPool", _spatial),
    **_rules(_ML, "Binarizer CategoryMapper LabelEncoder OneHotEncoder", _row_by_row),
    **_rules(
        _ML,
        "Imputer LinearClassifier LinearRegressor Normalizer SVMClassifier SVMRegressor Scaler "
        "TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor",
        _two_axes,
    ),
    **_rules(_ML, "FeatureVectorizer", _feature_vectors),
    **_rules(_ML, "ArrayFeatureExtractor", _feature_columns),
}
