"""`SimpleImputer` for ONNX in float64: ONNX's own operator keeps the filled-in values as float32."""

from collections.abc import Callable

import numpy as np

from dagc.models.importers.forests import Container, Operator, Scope
from dagc.models.importers.retype import DOUBLE

Converter = Callable[[Scope, Operator, Container], None]


def register_imputer() -> None:
    """Tell skl2onnx to write `SimpleImputer` over NaN in float64 numbers as `Where(IsNaN(x), statistic, x)`."""
    from skl2onnx import update_registered_converter
    from skl2onnx.common._registration import get_converter, get_shape_calculator
    from sklearn.impute import SimpleImputer

    original: Converter = get_converter("SklearnImputer")

    def convert(scope: Scope, operator: Operator, container: Container) -> None:
        """Write an imputer that fills NaN; leave the others to skl2onnx."""
        if not _fills_nan(operator):
            original(scope, operator, container)
            return
        _write(scope, operator, container)

    update_registered_converter(
        SimpleImputer, "SimpleImputerInDouble", get_shape_calculator("SklearnImputer"), convert
    )


def _fills_nan(operator: Operator) -> bool:
    from skl2onnx.common.data_types import DoubleTensorType

    estimator = operator.raw_operator
    missing = getattr(estimator, "missing_values", None)
    statistics = np.asarray(getattr(estimator, "statistics_", ()))
    plain = isinstance(missing, float) and np.isnan(missing) and not getattr(estimator, "add_indicator", False)
    doubles = all(isinstance(getattr(value, "type", None), DoubleTensorType) for value in operator.inputs)
    return plain and doubles and statistics.dtype.kind == "f" and bool(np.isfinite(statistics).all())


def _write(scope: Scope, operator: Operator, container: Container) -> None:
    statistics = np.asarray(getattr(operator.raw_operator, "statistics_", ()), np.float64)
    table, missing, filling = (scope.get_unique_variable_name(word) for word in ("table", "missing", "filling"))
    container.add_node("Concat", [value.full_name for value in operator.inputs], table, axis=1)
    container.add_initializer(filling, DOUBLE, [1, len(statistics)], statistics.tolist())
    container.add_node("IsNaN", table, missing)
    container.add_node("Where", [missing, filling, table], operator.outputs[0].full_name)
