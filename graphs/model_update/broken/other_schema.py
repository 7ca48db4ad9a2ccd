"""Must fail with E0332: the challenger gives a label, and the champion the probabilities that clients read."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(26)]

champion = dagc.onnx("../models/champion.onnx")
challenger = dagc.onnx("../models/challenger.onnx")


@dagc.graph
def watched(row: Row) -> Annotated[NDArray[np.float32], f32(3)]:
    return dagc.shadow(lambda: champion(row).probabilities, lambda: challenger(row).label)
