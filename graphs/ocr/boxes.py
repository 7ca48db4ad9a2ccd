"""Where lines of text are: from the detector's map to four corners each, in reading order, and upright crops.

The steps of Differentiable Binarization (Liao et al., 2020, arXiv:1911.08947) with the numbers of rapidocr 1.4.4.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import pyclipper
from numpy.typing import NDArray

Corners = NDArray[np.float32]
"""Four points (x, y), clockwise from the top left one."""

INK = 0.3
SURE = 0.5
SMALLEST = 3
GROWN = 1.6
MOST = 1000
SAME_LINE = 10
"""Pixels between the tops of two boxes that stand beside each other."""


def found(heat: NDArray[np.float32], height: int, width: int) -> list[Corners]:
    """The boxes in a map of how likely each pixel is text, in reading order, in pixels of the image."""
    ink = cv2.dilate((heat > INK).astype(np.uint8), np.ones((2, 2), np.uint8))
    outlines, _ = cv2.findContours(ink * 255, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    boxes = (_box(outline, heat, height, width) for outline in outlines[:MOST])
    return _in_reading_order([box for box in boxes if box is not None])


def upright(pixels: NDArray[np.uint8], box: Corners) -> NDArray[np.uint8]:
    """What is inside a box, as a rectangle that is wide rather than high."""
    width = int(max(np.linalg.norm(box[0] - box[1]), np.linalg.norm(box[2] - box[3])))
    height = int(max(np.linalg.norm(box[0] - box[3]), np.linalg.norm(box[1] - box[2])))
    straight = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    warp = cv2.getPerspectiveTransform(box, straight)
    crop = cv2.warpPerspective(
        pixels, warp, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    turned = np.rot90(crop) if height / width >= 1.5 else crop
    return np.ascontiguousarray(turned, dtype=np.uint8)


def _box(outline: cv2.typing.MatLike, heat: NDArray[np.float32], height: int, width: int) -> Corners | None:
    """The box of one outline, unless it is too small or the map too unsure."""
    tight, side = _smallest_rectangle(outline)
    if side < SMALLEST or _certainty(heat, tight) < SURE:
        return None
    box, side = _smallest_rectangle(_grown(tight))
    if side < SMALLEST + 2:
        return None
    x = np.clip(np.round(box[:, 0] / heat.shape[1] * width), 0, width)
    y = np.clip(np.round(box[:, 1] / heat.shape[0] * height), 0, height)
    return _large_enough(_clockwise(np.stack([x, y], axis=1)), height, width)


def _smallest_rectangle(outline: cv2.typing.MatLike) -> tuple[NDArray[np.float32], float]:
    """The corners of the smallest rectangle around points, and its shorter side."""
    rectangle = cv2.minAreaRect(outline)
    points = sorted(cv2.boxPoints(rectangle), key=lambda point: float(point[0]))
    left, right = points[:2], points[2:]
    top_left, bottom_left = left if left[1][1] > left[0][1] else reversed(left)
    top_right, bottom_right = right if right[1][1] > right[0][1] else reversed(right)
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32), min(rectangle[1])


def _certainty(heat: NDArray[np.float32], box: NDArray[np.float32]) -> float:
    """The mean of the map inside a box."""
    height, width = heat.shape
    left, right = (int(np.clip(x, 0, width - 1)) for x in (np.floor(box[:, 0].min()), np.ceil(box[:, 0].max())))
    top, bottom = (int(np.clip(y, 0, height - 1)) for y in (np.floor(box[:, 1].min()), np.ceil(box[:, 1].max())))
    inside = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(inside, [(box - np.array([left, top], np.float32)).astype(np.int32)], (1,))
    return float(cv2.mean(heat[top : bottom + 1, left : right + 1], inside)[0])


def _grown(box: NDArray[np.float32]) -> NDArray[np.int32]:
    """The box moved outwards: the map marks the middle of a line, thinner than its letters."""
    following = np.roll(box, -1, axis=0).astype(np.float64)
    area = abs(float(np.sum(box[:, 0] * following[:, 1] - following[:, 0] * box[:, 1]))) / 2
    around = float(np.sum(np.hypot(*(following - box).T)))
    offset = pyclipper.PyclipperOffset()
    offset.AddPath(box, pyclipper.JT_ROUND, pyclipper.ET_CLOSEDPOLYGON)
    return np.array(offset.Execute(area * GROWN / around), np.int32).reshape(-1, 1, 2)


def _clockwise(points: NDArray[np.float32]) -> Corners:
    by_x = points[np.argsort(points[:, 0])]
    left, right = (side[np.argsort(side[:, 1])] for side in (by_x[:2], by_x[2:]))
    return np.array([left[0], right[0], right[1], left[1]], np.float32)


def _large_enough(box: Corners, height: int, width: int) -> Corners | None:
    """The box inside the image, if its sides are longer than 3 pixels."""
    inside = np.clip(box, 0, np.array([width - 1, height - 1], np.float32))
    sides = (np.linalg.norm(inside[0] - inside[1]), np.linalg.norm(inside[0] - inside[3]))
    return inside if min(map(int, sides)) > SMALLEST else None


def _in_reading_order(boxes: Sequence[Corners]) -> list[Corners]:
    """From top to bottom; boxes of one line from left to right."""
    ordered: list[Corners] = []
    for box in sorted(boxes, key=lambda box: (float(box[0][1]), float(box[0][0]))):
        at = len(ordered)
        while at and abs(box[0][1] - ordered[at - 1][0][1]) < SAME_LINE and box[0][0] < ordered[at - 1][0][0]:
            at -= 1
        ordered.insert(at, box)
    return ordered
