"""Read the text in an image: decode, find the lines, turn and read each of them; PP-OCR models out of a wheel."""

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
from alphabet import CHARACTERS
from boxes import found, upright
from numpy.typing import NDArray
from photo import Photo, Pixels, channels, opened
from pydantic import BaseModel

import dagc
from dagc import f32, i64, u8

Channels = Annotated[NDArray[np.uint8], u8(3, "H", "W")]
Heat = Annotated[NDArray[np.float32], f32(1, "H", "W")]
Box = Annotated[NDArray[np.float32], f32(4, 2)]
Thumbnail = Annotated[NDArray[np.float32], f32(3, 48, 192)]
Facing = Annotated[NDArray[np.float32], f32(2)]
Strip = Annotated[NDArray[np.float32], f32(3, 48, "W")]
Symbols = Annotated[NDArray[np.int64], i64("T")]
Chances = Annotated[NDArray[np.float32], f32("T")]

UPSIDE_DOWN = 0.9
LEGIBLE = 0.5
STRIP_HEIGHT = 48
SHORTEST_STRIP = 320
READ_TOGETHER = 6
"""Lines of one image are padded to the widest of six, sorted by width: the recogniser was measured that way."""


class Line(BaseModel):
    """One line of text; `box` has its corners in pixels, clockwise from the top left one."""

    text: str
    score: float
    box: list[tuple[float, float]]


class Page(BaseModel):
    """What stands in an image, from top to bottom."""

    lines: list[Line]


@dataclass(frozen=True)
class Crop:
    """A line's own pixels, its corners in the image, and the width it is padded to before it is read."""

    pixels: Pixels
    box: Box
    width: int


def wheel(model: str) -> str:
    """The path of a model in the installed rapidocr; a built service has a copy of its own, and no rapidocr."""
    spec = find_spec("rapidocr_onnxruntime")
    package = Path(spec.origin).parent if spec and spec.origin else Path("rapidocr_onnxruntime")
    return str(package / "models" / model)


detect = dagc.onnx(wheel("ch_PP-OCRv4_det_infer.onnx"))
orient = dagc.onnx(wheel("ch_ppocr_mobile_v2.0_cls_infer.onnx"))
recognise = dagc.onnx(wheel("ch_PP-OCRv4_rec_infer.onnx"))


@dagc.step
def decode(image: bytes) -> Photo:
    """The image as pixels, no larger and no flatter than the detector likes."""
    return opened(image)


@dagc.step
def canvas(photo: Photo) -> Channels:
    """What the detector sees."""
    return channels(photo)


@dagc.step
def crops(photo: Photo, heat: Heat) -> list[Crop]:
    """Each line that the detector has found, cut out."""
    boxes = found(heat[0], *photo.pixels.shape[:2])
    cut = [upright(photo.pixels, box) for box in boxes]
    ratios = np.array([pixels.shape[1] / pixels.shape[0] for pixels in cut])
    widths = [SHORTEST_STRIP] * len(cut)
    order = np.argsort(ratios).tolist()
    for at in range(0, len(order), READ_TOGETHER):
        together = order[at : at + READ_TOGETHER]
        widest = max(SHORTEST_STRIP / STRIP_HEIGHT, *ratios[together].tolist())
        for index in together:
            widths[index] = int(STRIP_HEIGHT * widest)
    scale = np.array([photo.x_scale, photo.y_scale], np.float32)
    edge = np.array([photo.width, photo.height], np.float32)
    places = [np.clip((box - np.array([0, photo.bar], np.float32)) * scale, 0, edge) for box in boxes]
    return [Crop(*line) for line in zip(cut, places, widths, strict=True)]


@dagc.step
def thumbnail(crop: Crop) -> Thumbnail:
    """A line in the small size in which one sees which way up it is."""
    return padded(crop.pixels, 192)


@dagc.step
def strip(crop: Crop, facing: Facing) -> Strip:
    """A line the right way up, in the size in which it is read."""
    upside_down = facing.argmax() == 1 and facing[1] > UPSIDE_DOWN
    return padded(cv2.rotate(crop.pixels, cv2.ROTATE_180) if upside_down else crop.pixels, crop.width)


@dagc.step
def spell(crop: Crop, symbols: Symbols, chances: Chances) -> Line:
    """The text: a symbol that stands several times in a row is one, and blanks between them are none."""
    kept = symbols != 0
    kept[1:] &= symbols[1:] != symbols[:-1]
    score = float(np.mean(chances[kept], dtype=np.float64)) if kept.any() else 0.0
    text = "".join(CHARACTERS[symbol] for symbol in symbols[kept])
    return Line(text=text, score=score, box=[(float(x), float(y)) for x, y in crop.box])


@dagc.step
def legible(lines: list[Line]) -> Page:
    """The lines that are likely enough to be text."""
    return Page(lines=[line for line in lines if line.score >= LEGIBLE])


def padded(pixels: cv2.typing.MatLike, width: int) -> NDArray[np.float32]:
    """Pixels of any size as `f32[3, 48, width]` between -1 and 1, with 0 to the right of what they fill."""
    own = min(width, math.ceil(STRIP_HEIGHT * (pixels.shape[1] / pixels.shape[0])))
    resized = cv2.resize(pixels, (own, STRIP_HEIGHT)).transpose(2, 0, 1)
    whole = np.zeros((3, STRIP_HEIGHT, width), np.float32)
    whole[:, :, :own] = (resized.astype(np.float32) / 255 - 0.5) / 0.5
    return whole


@dagc.graph(version="1.0.0", deadline_s=10)
def ocr(image: bytes) -> Page:
    """Read the text in an image."""
    photo = decode(image)
    heat = detect((dagc.cast(canvas(photo), "f32") * (1 / 255) - 0.5) / 0.5)

    def read(crop: Crop) -> Line:
        facing = orient(thumbnail(crop))
        chances = recognise(strip(crop, facing))
        return spell(crop, dagc.argmax(chances, axis=1), dagc.highest(chances, axis=1))

    return legible(dagc.each(crops(photo, heat), read, max_items=1000))
