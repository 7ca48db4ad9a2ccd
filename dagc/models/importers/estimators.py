"""Fitted estimators of scikit-learn, xgboost and LightGBM as ONNX models that answer alike.

scikit-learn computes in float64. A model in float32 is tried first only where rounding cannot change a decision;
otherwise float64 throughout, with trees reading float32 as in the original. The first that agrees is taken.
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from dagc.models.importers.anatomy import (
    cannot_convert,
    check_fitted,
    float32_suffices,
    kind,
    parts,
    picks_columns,
)
from dagc.models.importers.boosters import register_boosters
from dagc.models.importers.contracts import Answer, answers, reference
from dagc.models.importers.forests import register_forests
from dagc.models.importers.imputers import register_imputer
from dagc.models.importers.knots import Feature, features_of
from dagc.models.importers.loading import described
from dagc.models.importers.made import Made
from dagc.models.importers.order import Column, ImportFailure, Order
from dagc.models.importers.ports import ELEMENTS, Output, set_inputs, set_outputs
from dagc.models.importers.retype import DOUBLE, FLOAT, INT64, STRING, retype
from dagc.models.importers.samples import Rows, joined, sampled
from dagc.models.importers.tables import MATRIX, fitted_names, resolved_columns, table_of, whole_categories
from dagc.models.importers.texts import check_texts
from dagc.models.importers.vectorisers import register_texts
from dagc.models.importers.verdict import differences
from dagc.models.model_error import ModelError
from dagc.models.proto import canonical_bytes
from dagc.models.runner import Runner

if TYPE_CHECKING:
    import onnx

Array = NDArray[np.generic]
Answers = dict[str, Array]
Precision = Literal["f32", "f64"]

_OPSETS = {"": 17, "ai.onnx.ml": 3}


def convert_estimator(estimator: object, order: Order, example: Rows | None) -> Made:
    """The model with its reference answers.

    Raises:
        ImportFailure: E0421, E0423, E0424 or E0427, saying what about the estimator or its columns is the reason.
    """
    check_fitted(estimator, order)
    check_texts(estimator, order)
    columns = resolved_columns(estimator, order)
    features = features_of(estimator, sum(column.width for column in columns), fitted_names(estimator))
    rows = joined(sampled(columns, features), example)
    table = table_of(estimator, columns, features, rows)
    wanted = answers(estimator)
    original = {answer.name: reference(estimator, answer, table) for answer in wanted}
    _prepare(estimator)
    refusals: list[str] = []
    made: list[Made] = []
    for precision in _precisions(estimator, columns):
        try:
            model = _converted(estimator, columns, features, precision, original, wanted, rows)
        except ImportFailure:
            raise
        except Exception as error:  # converters raise what they like
            refusals.append(f"`{error}`" if isinstance(error, ModelError) else described(error))
            continue
        made.append(Made(model, columns, rows, original))
        if not differences(original, _run(model, rows, original)):
            return made[-1]
    if made:
        return made[0]  # the parent says which rows differ
    raise cannot_convert(estimator, order, f"the converter says {refusals[0]}")


def _prepare(estimator: object) -> None:
    """Converters for everything the estimator holds; only its `transform`, which no model has, is changed."""
    warnings.simplefilter("ignore")
    register_forests()
    register_imputer()
    register_boosters()
    for part in parts(estimator):
        if hasattr(part, "flatten_transform"):
            part.flatten_transform = False  # skl2onnx knows no other form


def _precisions(estimator: object, columns: Sequence[Column]) -> tuple[Precision, ...]:
    declared = any(column.dtype == "f64" for column in columns)
    return ("f32", "f64") if float32_suffices(estimator) and not declared else ("f64", "f32")


def _converted(
    estimator: object,
    columns: Sequence[Column],
    features: Sequence[Feature],
    precision: Precision,
    original: Answers,
    wanted: Sequence[Answer],
    rows: Rows,
) -> bytes:
    alone = len(columns) > 1 and (picks_columns(estimator) or len({c.dtype == "str" for c in columns}) > 1)
    matrix = None if alone or len(columns) == 1 else MATRIX
    register_texts(DOUBLE if precision == "f64" else FLOAT)
    proto = _proto(estimator, _initial_types(columns, features, precision, matrix))
    retype(proto)
    set_inputs(proto, columns, matrix=matrix)
    raw_names = [output.name for output in proto.graph.output]
    if len(raw_names) < len(wanted):
        raise ValueError(f"it writes no {wanted[len(raw_names)].name}")
    raw = dict(zip(raw_names, _first_rows(proto, rows, raw_names), strict=True))
    outputs = [
        _output(answer, name, raw[name], original[answer.name], columns)
        for answer, name in zip(wanted, raw_names, strict=False)
    ]
    set_outputs(proto, outputs)
    return canonical_bytes(proto)


def _proto(estimator: object, types: "list[tuple[str, object]]") -> "onnx.ModelProto":
    from skl2onnx import convert_sklearn

    last: object = estimator
    while getattr(last, "steps", None):
        last = last.steps[-1][1]  # type: ignore[attr-defined]  # a pipeline, as the loop just saw
    # Without options skl2onnx gives its own, which not every estimator has; raw scores are a decision function.
    for options in ({id(last): {"zipmap": False}}, {id(last): {"raw_scores": True}}, None):
        try:
            proto: onnx.ModelProto = convert_sklearn(
                estimator, kind(estimator), types, target_opset=_OPSETS, options=options
            )
        except NameError:  # skl2onnx's word for an option that this estimator does not have
            continue
        return proto
    raise ValueError("it takes no options")


def _initial_types(
    columns: Sequence[Column], features: Sequence[Feature], precision: Precision, matrix: str | None
) -> "list[tuple[str, object]]":
    """The inputs as skl2onnx is told of them: whole numbers only where an encoder compares them."""
    from skl2onnx.common import data_types

    numbers = data_types.DoubleTensorType if precision == "f64" else data_types.FloatTensorType
    if matrix is not None:
        words = any(column.dtype == "str" for column in columns)
        whole = any(whole_categories(feature) for feature in features)
        made = data_types.StringTensorType if words else data_types.Int64TensorType if whole else numbers
        return [(matrix, made([None, sum(column.width for column in columns)]))]
    types: list[tuple[str, object]] = []
    place = 0
    for column in columns:
        whole = any(whole_categories(feature) for feature in features[place : place + column.width])
        place += column.width
        made = data_types.StringTensorType if column.dtype == "str" else numbers
        if whole and column.dtype[0] in "iub":
            made = data_types.Int64TensorType
        types.append((column.name, made([None, column.width])))
    return types


def _output(answer: Answer, raw: str, found: Array, original: Array, columns: Sequence[Column]) -> Output:
    """How a raw output becomes what the estimator answers, by the shapes of both."""
    column = None
    if found.ndim == 2 and original.ndim == 1:
        column = 0 if answer.kind == "label" else _nearest_column(found, original)
    if answer.kind == "label":
        element = STRING if found.dtype.kind in "OU" else INT64
    elif answer.kind == "transformed" and any(column.dtype == "f64" for column in columns):
        element = DOUBLE
    else:
        element = ELEMENTS["str"] if found.dtype.kind in "OU" else FLOAT
    return Output(raw, answer.name, element, original.shape[1:], column)


def _nearest_column(found: Array, original: Array) -> int:
    """Of two classes some converters write the score of the first, some of the second."""
    apart = np.abs(found.astype(np.float64) - original[: len(found), None].astype(np.float64))
    return int(np.argmin(np.nan_to_num(apart).max(axis=0)))


def _first_rows(proto: "onnx.ModelProto", rows: Rows, names: Sequence[str]) -> list[Array]:
    few = {name: array[:3] for name, array in rows.items()}
    return Runner(proto.SerializeToString()).run(few, names)


def _run(model: bytes, rows: Rows, original: Answers) -> Answers:
    names = list(original)
    return dict(zip(names, Runner(model).run(rows, names), strict=True))
