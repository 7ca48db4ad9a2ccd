"""Must fail with E0311: the shares of the canary sum to 1.1."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(26)]

champion = dagc.onnx("../models/champion.onnx")
challenger = dagc.onnx("../models/challenger.onnx")


@dagc.graph
def canary(row: Row, dealer: str) -> Annotated[NDArray[np.float32], f32(3)]:
    return dagc.split(
        (1.0, lambda: champion(row).probabilities), (0.1, lambda: challenger(row).probabilities), key=dealer
    )
