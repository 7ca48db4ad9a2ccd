"""Must fail with E0310: stones of 1 to 2 carat are large and small, so the order of two lines decides."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32

Sizes = Annotated[NDArray[np.float32], f32(6)]
Price = Annotated[NDArray[np.float32], f32()]

germany = dagc.onnx("../models/price_de.onnx")
france = dagc.onnx("../models/price_fr.onnx")
america = dagc.onnx("../models/price_us.onnx")


@dagc.graph(version="1.0.0")
def price(sizes: Sizes, carat: float) -> Price:
    """What a stone costs."""
    return dagc.route(
        (carat > 1, lambda: germany(sizes)[0]),
        (carat < 2, lambda: france(sizes)[0]),
        otherwise=lambda: america(sizes)[0],
    )
