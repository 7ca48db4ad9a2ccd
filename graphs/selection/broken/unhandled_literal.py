"""Must fail with E0305: a market was added to the type, and no model is chosen for it."""

from typing import Annotated, Literal

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
def price(sizes: Sizes, market: Literal["DE", "FR", "US", "IT"]) -> Price:
    """What a stone costs."""
    return dagc.switch(
        market,
        {
            "DE": lambda: germany(sizes)[0],
            "FR": lambda: france(sizes)[0],
            "US": lambda: america(sizes)[0],
        },
    )
