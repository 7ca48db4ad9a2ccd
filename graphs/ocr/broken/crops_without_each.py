"""Must fail with E0178: all lines of an image go into the recogniser, which reads one, without `dagc.each`."""

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

import dagc
from dagc import f32

Strip = Annotated[NDArray[np.float32], f32(3, 48, 320)]
Chances = Annotated[NDArray[np.float32], f32("T", 6625)]

spec = find_spec("rapidocr_onnxruntime")
wheel = Path(spec.origin).parent if spec and spec.origin else Path()
recognise = dagc.onnx(str(wheel / "models/ch_PP-OCRv4_rec_infer.onnx"))


@dagc.step
def strips(image: bytes) -> list[Strip]:
    return [np.zeros((3, 48, 320), np.float32)]


@dagc.graph
def ocr(image: bytes) -> Chances:
    return recognise(strips(image))
