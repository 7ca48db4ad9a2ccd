"""Must fail with E0185: between cultivar 0 and cultivar 2 there is no mean."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32, f64

Wine = Annotated[NDArray[np.float32], f32(13)]

logistic = dagc.onnx("../models/logistic.onnx")
bayes = dagc.onnx("../models/bayes.onnx")


@dagc.graph
def averaged(row: Wine) -> Annotated[NDArray[np.float64], f64()]:
    return dagc.mean(logistic(row).label, bayes(row).label)
