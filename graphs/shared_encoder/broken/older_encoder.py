"""Must fail with E0203: the head was trained on an older encoder, whose embeddings were 256 wide."""

import numpy as np

import dagc
from dagc import i32
from typing import Annotated
from numpy.typing import NDArray

encoder = dagc.onnx("../models/encoder.onnx")
family_head = dagc.onnx("../models/older_family.onnx")


@dagc.graph
def family(text: Annotated[NDArray[np.int32], i32(2048)]) -> str:
    return family_head(encoder(text)).label
