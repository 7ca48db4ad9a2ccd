"""Must fail with E0219: one of the voters has never seen cultivar 0, so it can only vote for the others."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32, i64

Wine = Annotated[NDArray[np.float32], f32(13)]

logistic = dagc.onnx("../models/logistic.onnx")
bayes = dagc.onnx("../models/bayes.onnx")
newest = dagc.onnx("../models/two_cultivars.onnx")


@dagc.graph
def majority(row: Wine) -> Annotated[NDArray[np.int64], i64()]:
    return dagc.vote(logistic(row).label, bayes(row).label, newest(row).label)
