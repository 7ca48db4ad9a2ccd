"""Converters of xgboost and LightGBM for skl2onnx, so that pipelines may hold them.

onnxmltools rounds LightGBM's thresholds to float32, which moved a probability by 9e-3; LightGBM compares in
float64, and so does the model written here.
"""

import sys
from collections.abc import Mapping

import numpy as np

from dagc.models.importers.forests import Container, Operator, Scope
from dagc.models.importers.order import ImportFailure
from dagc.models.importers.retype import KEEPS_DOUBLE

_DOUBLES = ("nodes_values", "nodes_hitrates", "class_weights", "target_weights", "base_values")
_CLASSIFIER_OPTIONS = {"nocl": [True, False], "zipmap": [True, False, "columns"]}


def register_boosters() -> None:
    """Make the boosters known to skl2onnx that the user's module imported; raises E0421 without onnxmltools."""
    present = [name for name in ("xgboost", "lightgbm") if name in sys.modules]
    if not present:
        return
    try:
        import onnxmltools  # noqa: F401  (asked for by name, so that its absence is told once)
    except ImportError:
        raise ImportFailure(
            "E0421",
            f"converting a model of {present[0]} needs `onnxmltools`, which is not installed",
            help=f"`pip install dagc[{present[0]}]`",
        ) from None
    if "xgboost" in present:
        _register_xgboost()
    if "lightgbm" in present:
        _register_lightgbm()


def _register_xgboost() -> None:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from skl2onnx import update_registered_converter
    from skl2onnx.common import shape_calculator as shapes
    from xgboost import XGBClassifier, XGBRegressor, XGBRFClassifier, XGBRFRegressor

    for kind in (XGBClassifier, XGBRFClassifier):
        update_registered_converter(
            kind,
            f"XGBoost{kind.__name__}",
            shapes.calculate_linear_classifier_output_shapes,
            convert_xgboost,
            options=_CLASSIFIER_OPTIONS,
        )
    for kind in (XGBRegressor, XGBRFRegressor):
        update_registered_converter(
            kind, f"XGBoost{kind.__name__}", shapes.calculate_linear_regressor_output_shapes, convert_xgboost
        )


def _register_lightgbm() -> None:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from skl2onnx import update_registered_converter
    from skl2onnx.common import shape_calculator as shapes

    update_registered_converter(
        LGBMClassifier,
        "LightGBMClassifier",
        shapes.calculate_linear_classifier_output_shapes,
        _convert_lightgbm,
        options=_CLASSIFIER_OPTIONS,
    )
    update_registered_converter(
        LGBMRegressor,
        "LightGBMRegressor",
        shapes.calculate_linear_regressor_output_shapes,
        _convert_lightgbm,
        options={"split": None},
    )


def _convert_lightgbm(scope: Scope, operator: Operator, container: Container) -> None:
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm

    convert_lightgbm(scope, operator, _InDoubles(container))


class _InDoubles:
    """A container that writes tree nodes with float64 tensors instead of float32 lists."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def __getattr__(self, name: str) -> object:
        return getattr(self._container, name)

    def add_node(
        self, op_type: str, inputs: object, outputs: object, op_domain: str = "", **attributes: object
    ) -> None:
        """Pass the node on, trees with their numbers as tensors."""
        if op_type.startswith("TreeEnsemble"):
            attributes = {**_as_tensors(attributes), "op_version": 3}
        self._container.add_node(op_type, inputs, outputs, op_domain=op_domain, **attributes)


def _as_tensors(attributes: Mapping[str, object]) -> dict[str, object]:
    from onnx import numpy_helper

    changed: dict[str, object] = {}
    for name, value in attributes.items():
        if name == "name":
            changed[name] = f"{KEEPS_DOUBLE}{value}"
        elif name in _DOUBLES and isinstance(value, list | tuple | np.ndarray):
            changed[f"{name}_as_tensor"] = numpy_helper.from_array(np.asarray(value, np.float64), name)
        else:
            changed[name] = value
    return changed
