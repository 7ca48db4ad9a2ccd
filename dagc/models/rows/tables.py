"""The operators of ai.onnx.ml, over tables `[rows, columns]`: a single line would be taken for one row."""

from collections.abc import Callable, Mapping, Sequence

from dagc.models.rows.broadcast import unary
from dagc.models.rows.call import Call, Rule
from dagc.models.rows.indexing import TABLE_RULES
from dagc.models.rows.size import ONE, Size, number
from dagc.models.rows.value import Mixes, Tensor, Value, placed

Columns = Callable[[Call], Size | None]
"""How many columns the scores of a model have, where that is certain."""


def _table(call: Call) -> Tensor:
    """The one input, its rows along axis 0."""
    tensor, dims = call.tensor(0), call.dims(0)
    if len(dims) != 2 or (tensor.place is not None and tensor.place.axis != 0):
        raise Mixes("has an input that is not rows of columns")
    return tensor


def _by_column(call: Call) -> Sequence[Value]:
    """One number for each column, or one for all."""
    tensor = _table(call)
    return [Tensor(tensor.dims, tensor.place)]


def _scores(columns: Columns) -> Rule:
    def rule(call: Call) -> Sequence[Value]:
        """A row of answers for each row of the table."""
        tensor = _table(call)
        return [placed(tensor.place, [call.dims(0)[0], columns(call) or call.new_size()])]

    return rule


def _classes(columns: Columns) -> Rule:
    def rule(call: Call) -> Sequence[Value]:
        """A row of answers for each row of the table."""
        tensor = _table(call)
        rows = call.dims(0)[0]
        return [placed(tensor.place, [rows]), placed(tensor.place, [rows, columns(call) or call.new_size()])]

    return rule


def _targets(name: str) -> Columns:
    return lambda call: number(call.number(name, 1))


def _label_count(call: Call) -> int:
    names = ("classlabels_strings", "classlabels_int64s", "classlabels_ints")
    given = [call.attributes[name] for name in names if name in call.attributes]
    return max((len(attribute.strings) + len(attribute.ints) for attribute in given), default=0)


def _tree_columns(call: Call) -> Size | None:
    """A column for every label; one tree of one label is not counted on."""
    count = _label_count(call)
    return number(count) if count >= 2 else None


def _linear_columns(call: Call) -> Size | None:
    """A column for every intercept; onnxruntime adds the other class to a single one of two."""
    intercepts = call.attributes.get("intercepts")
    count = len(intercepts.floats) if intercepts is not None else 0
    if count >= 2:
        return number(count)
    return number(2) if count == 1 and _label_count(call) == 2 else None


def _one_hot(call: Call) -> Sequence[Value]:
    """A further axis, behind all others."""
    tensor, dims = call.tensor(0), call.dims(0)
    names = ("cats_int64s", "cats_strings")
    given = [call.attributes[name] for name in names if name in call.attributes]
    categories = sum(len(attribute.ints) + len(attribute.strings) for attribute in given)
    return [placed(tensor.place, [*dims, number(categories)])]


def _imputer(call: Call) -> Sequence[Value]:
    """One value for all elements, or one for each column."""
    names = ("imputed_value_floats", "imputed_value_int64s")
    given = [call.attributes[name] for name in names if name in call.attributes]
    single = sum(len(attribute.floats) + len(attribute.ints) for attribute in given) == 1
    return unary(call) if single else _by_column(call)


def _maps(_call: Call) -> Sequence[Value]:
    raise Mixes("gives or takes maps, which are not followed")


RULES: Mapping[str, Rule] = {
    **TABLE_RULES,
    **dict.fromkeys(("Binarizer", "CategoryMapper", "LabelEncoder"), unary),
    **dict.fromkeys(("Normalizer", "Scaler"), _by_column),
    **dict.fromkeys(("CastMap", "DictVectorizer", "ZipMap"), _maps),
    "Imputer": _imputer,
    "LinearClassifier": _classes(_linear_columns),
    "LinearRegressor": _scores(_targets("targets")),
    "OneHotEncoder": _one_hot,
    "SVMClassifier": _classes(lambda call: None),
    "SVMRegressor": _scores(lambda call: ONE),
    "TreeEnsemble": _scores(_targets("n_targets")),
    "TreeEnsembleClassifier": _classes(_tree_columns),
    "TreeEnsembleRegressor": _scores(_targets("n_targets")),
}
