"""The room that words take in an SVG picture, in pixels: type sizes, paddings, how boxes wrap what they say."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dagc.pictures.diagram import WORDS, Box
from dagc.pictures.lettering import fitted, width
from dagc.pictures.sizes import Bend, Extent, Spacing

TITLE_SIZE, HEADING_SIZE, PRINT_SIZE, LABEL_SIZE = 14.0, 13.0, 11.0, 11.0
TITLE_LINE, PRINT_LINE = 19.0, 15.0
INSET_X, INSET_Y = 14.0, 9.0
CHIP_HEIGHT, CHIP_GAP, CHIP_INSET = 22.0, 6.0, 9.0
STACK = 4.0
"""How far the sheets behind a folded box stick out."""

_WIDEST_TEXT = 230.0
_WIDEST_LABEL = 170.0
_LEAST_BOX = 56.0
_MOST_CHIPS = 12
_QUIET = ("expression", "input", "output")


class Chip(NamedTuple):
    """One part of a fused model, placed in its box."""

    text: str
    x: float
    y: float
    width: float


def title_of(box: Box) -> str:
    """The title, cut to the widest text."""
    return fitted(box.title, _WIDEST_TEXT, lambda text: width(text, TITLE_SIZE, bold=True))


def print_of(box: Box) -> tuple[str, ...]:
    """The small print, cut: the kind in words with its place, then what else there is to say."""
    said = (WORDS[box.kind][0], box.place) if not box.holds and box.kind not in _QUIET else ()
    lines = (" · ".join(word for word in said if word), *box.lines)
    return tuple(fitted(line, _WIDEST_TEXT, lambda text: width(text, PRINT_SIZE)) for line in lines if line)


def label_of(text: str) -> str:
    """A label, cut."""
    return fitted(text, _WIDEST_LABEL, lambda part: width(part, LABEL_SIZE))


def frame_title_of(text: str) -> str:
    """A frame's title, cut."""
    return fitted(text, _WIDEST_TEXT, lambda part: width(part, HEADING_SIZE, bold=True))


def chips_of(box: Box) -> list[Chip]:
    """The parts in rows around x = 0, from y = 0 on; many are cut short with a count."""
    more = len(box.parts) - _MOST_CHIPS
    texts = [*box.parts[:_MOST_CHIPS], *([f"{more} more"] if more > 0 else [])]
    rows: list[list[tuple[str, float]]] = [[]]
    for text in texts:
        shown = fitted(text, _WIDEST_TEXT - 2 * CHIP_INSET, lambda part: width(part, PRINT_SIZE))
        chip = (shown, width(shown, PRINT_SIZE) + 2 * CHIP_INSET)
        if rows[-1] and _row_width([*rows[-1], chip]) > _WIDEST_TEXT:
            rows.append([])
        rows[-1].append(chip)
    return [chip for at, row in enumerate(rows) for chip in _chip_row(row, at * (CHIP_HEIGHT + CHIP_GAP))]


def _row_width(row: Sequence[tuple[str, float]]) -> float:
    return sum(wide for _, wide in row) + CHIP_GAP * (len(row) - 1)


def _chip_row(row: Sequence[tuple[str, float]], y: float) -> Iterator[Chip]:
    x = -_row_width(row) / 2
    for text, wide in row:
        yield Chip(text, x, y, wide)
        x += wide + CHIP_GAP


class SvgSizes:
    """Sizes in pixels."""

    spacing = Spacing(between=24.0, ends=12.0, lane=8.0, padding=18.0, head=30.0)

    def box(self, box: Box) -> Extent:
        """Title, chips and small print below each other."""
        chips = chips_of(box)
        words = [
            width(title_of(box), TITLE_SIZE, bold=True),
            *(width(line, PRINT_SIZE) for line in print_of(box)),
            *(2 * max(-chip.x, chip.x + chip.width) for chip in chips),
        ]
        rows = chips[-1].y + CHIP_HEIGHT + 2 * CHIP_GAP if chips else 0.0
        height = TITLE_LINE + rows + PRINT_LINE * len(print_of(box)) + 2 * INSET_Y
        stack = 2 * STACK if box.holds else 0.0
        return Extent(max(_LEAST_BOX, max(words) + 2 * INSET_X) + 2 * stack, height + stack)

    def label(self, text: str) -> Extent:
        """A line of small print on a wire."""
        return Extent(width(label_of(text), LABEL_SIZE) + 10, PRINT_LINE + 2)

    def title(self, text: str) -> float:
        """A frame's title."""
        return width(frame_title_of(text), HEADING_SIZE, bold=True)

    def widened(self, width: float, ends: int) -> float:
        """Wide enough for the ends of all wires."""
        return max(width, (ends + 1) * self.spacing.ends)

    def gap(self, bends: Sequence[Bend]) -> float:
        """Higher where wires go far to the side, so that they do not lie flat."""
        return 14.0 + min(70.0, 0.16 * max((abs(b.upper_x - b.lower_x) for b in bends), default=0.0))

    def snapped(self, place: float) -> float:
        """Tenths of a pixel."""
        return round(place, 1)
