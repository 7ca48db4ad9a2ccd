"""An image's bytes as pixels the detector can take, and the way back from its coordinates to the image's own.

Sizes and limits are those of rapidocr 1.4.4, whose answers this graph gives.
"""

import os
from dataclasses import dataclass
from typing import Annotated

# Read when the first image is decoded: a few hundred bytes can claim any size.
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(50_000_000)

import cv2
import numpy as np
from numpy.typing import NDArray

from dagc import Refuse, u8

Pixels = Annotated[NDArray[np.uint8], u8("H", "W", 3)]
"""Rows of blue, green and red."""

LONGEST_SIDE = 2000
SHORTEST_SIDE = 30
FLATTEST = 8
"""A wider image than 8 times its height gets bars above and below."""
DETECTED_SIDE = 736
"""The shorter side of what the detector sees, at least."""
STRIDE = 32
"""The detector takes multiples of this."""


@dataclass(frozen=True)
class Photo:
    """`pixels` in which lines are looked for; an image's point is (x * x_scale, (y - bar) * y_scale) of them."""

    pixels: Pixels
    bar: int
    x_scale: float
    y_scale: float
    width: int
    height: int


def opened(image: bytes) -> Photo:
    """The image of a PNG, JPEG, WebP or whatever else OpenCV reads, as it is stored (no EXIF rotation)."""
    try:
        read = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        read = None
    if read is None:
        raise Refuse("the bytes are no image that can be read", field="image")
    height, width = read.shape[:2]
    pixels = _within_sides(read.astype(np.uint8, copy=False))
    y_scale, x_scale = height / pixels.shape[0], width / pixels.shape[1]
    bar = _bar(*pixels.shape[:2])
    if bar:
        pixels = cv2.copyMakeBorder(pixels, bar, bar, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0))  # type: ignore[assignment]
    return Photo(pixels, bar, x_scale, y_scale, width, height)


def channels(photo: Photo) -> NDArray[np.uint8]:
    """The pixels in a size the detector takes, one plane a channel."""
    height, width = photo.pixels.shape[:2]
    scale = max(1.0, DETECTED_SIDE / min(height, width))
    resized = cv2.resize(photo.pixels, (_multiple(width * scale), _multiple(height * scale)))
    return np.ascontiguousarray(resized.transpose(2, 0, 1), dtype=np.uint8)


def _within_sides(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels with no side longer than 2000, then none shorter than 30."""
    for side, limit in ((max, LONGEST_SIDE), (min, SHORTEST_SIDE)):
        height, width = pixels.shape[:2]
        found = side(height, width)
        if found > limit if side is max else found < limit:
            size = (_multiple(width * (limit / found)), _multiple(height * (limit / found)))
            if min(size) == 0:
                raise Refuse(f"an image of {width} x {height} pixels is too thin to read", field="image")
            pixels = cv2.resize(pixels, size).astype(np.uint8, copy=False)
    return pixels


def _bar(height: int, width: int) -> int:
    """The height of the bars above and below a flat image."""
    if height > SHORTEST_SIDE and width / height <= FLATTEST:
        return 0
    return abs(max(width // FLATTEST, SHORTEST_SIDE) * 2 - height) // 2


def _multiple(size: float) -> int:
    return round(int(size) / STRIDE) * STRIDE
