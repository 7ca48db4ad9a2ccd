"""How far two answers may be apart and still be the same answer: per dtype, each with its reason."""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from dagc.ir.graph import Graph
from dagc.ir.ops import RunModel
from dagc.ir.regions import every_node, walk
from dagc.ir.types import DType, Tensor

FloatName = Literal["f16", "f32", "f64"]


class Tolerance(BaseModel):
    """`|a - b| <= absolute + relative * |b|`. `applies_to` names a dtype, or the case that brought its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    applies_to: str
    absolute: float
    relative: float
    reason: str

    def allows(self, given: float, wanted: float) -> bool:
        """Whether two floats are the same answer; NaN equals NaN, an infinity only itself."""
        if math.isnan(given) or math.isnan(wanted):
            return math.isnan(given) and math.isnan(wanted)
        if math.isinf(given) or math.isinf(wanted):
            return given == wanted
        return abs(given - wanted) <= self.absolute + self.relative * abs(wanted)


EXACT = Tolerance(
    applies_to="integers, strings and truth values",
    absolute=0.0,
    relative=0.0,
    reason="no fusion may change them; a label that flips is another answer, however close its scores were",
)

TOLERANCES: Mapping[FloatName, Tolerance] = {
    "f16": Tolerance(
        applies_to="f16",
        absolute=5e-3,
        relative=5e-3,
        reason="the CPU computes f16 in f32 and rounds between operators; fused forms round less often, and ten "
        "roundings of 2^-11 each make 5e-3",
    ),
    "f32": Tolerance(
        applies_to="f32",
        absolute=1e-5,
        relative=1e-5,
        reason="onnxruntime reassociates sums and its batched kernels differ by a few units of the last place: a "
        "sum of 100 terms in another order is off by at most 100 * 2^-24 = 6e-6 of their size",
    ),
    "f64": Tolerance(
        applies_to="f64",
        absolute=1e-12,
        relative=1e-12,
        reason="sums in another order: 1000 terms are off by at most 1000 * 2^-53 = 1e-13 of their size",
    ),
}


def tolerance_of(dtype: np.dtype[np.generic]) -> Tolerance:
    """What holds for arrays of a NumPy dtype."""
    names: Mapping[str, FloatName] = {"float16": "f16", "float32": "f32", "float64": "f64"}
    name = names.get(dtype.name)
    return EXACT if name is None else TOLERANCES[name]


def answer_tolerance(graph: Graph) -> Tolerance:
    """What holds for the floats of a graph's JSON answers beside stored ones, which people write down.

    JSON does not say which dtype a number came from: f16 if the graph computes in it anywhere, else f32.
    """
    return TOLERANCES["f16" if DType.F16 in _dtypes(graph) else "f32"]


def form_tolerance(graph: Graph) -> Tolerance:
    """What holds between two forms of the graph: f64 where nothing in it computes in less.

    A model of doubles may compute in single precision inside, as ONNX's trees do.
    """
    models = any(isinstance(node.op, RunModel) for node in every_node(graph))
    less = models or not _dtypes(graph).isdisjoint({DType.F16, DType.F32})
    return answer_tolerance(graph) if less else TOLERANCES["f64"]


def _dtypes(graph: Graph) -> set[DType]:
    return {v.type.dtype for found in walk(graph) for v in found.values() if isinstance(v.type, Tensor)}


def case_tolerance(absolute: float) -> Tolerance:
    """What a stored request brings along for its own numbers."""
    return Tolerance(
        applies_to="stored responses that state a tolerance",
        absolute=absolute,
        relative=0.0,
        reason="written beside the stored response by its author",
    )
