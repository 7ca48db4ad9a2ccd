"""The room that words take in a terminal: everything in whole columns, and boxes of an odd width.

Odd widths put the middle of every box on a column, so that what stands in line is joined by a straight stroke.
"""

from collections.abc import Sequence

from dagc.pictures.diagram import WORDS, Box
from dagc.pictures.lettering import columns, fitted
from dagc.pictures.sizes import Bend, Extent, Spacing
from dagc.pictures.tracks import tracks

_WIDEST_TEXT = 34
_WIDEST_LABEL = 24
_MOST_PART_LINES = 4
_QUIET = ("expression", "input", "output")


def lines_of(box: Box) -> list[str]:
    """What a box says, line by line, the title first."""
    lines = [box.title, *_parts(box)]
    if box.kind not in _QUIET and not box.holds:
        lines.append(" · ".join(word for word in (WORDS[box.kind][0], box.place) if word))
    return [fitted(line, _WIDEST_TEXT, columns) for line in (*lines, *box.lines)]


def label_of(text: str) -> str:
    """A label, cut."""
    return fitted(text, _WIDEST_LABEL, columns)


def frame_title_of(text: str) -> str:
    """A frame's title between spaces, cut."""
    return f" {fitted(text, _WIDEST_TEXT, columns)} "


class CellSizes:
    """Sizes in columns and lines of a terminal."""

    spacing = Spacing(between=3, ends=2, lane=1, padding=2, head=1)

    def box(self, box: Box) -> Extent:
        """The lines with a space and a border at each side."""
        lines = lines_of(box)
        return Extent(_odd(max(map(columns, lines)) + 4), len(lines) + 2)

    def label(self, text: str) -> Extent:
        """One line."""
        return Extent(_odd(columns(label_of(text))), 1)

    def title(self, text: str) -> float:
        """A frame's title in its upper edge."""
        return columns(frame_title_of(text))

    def widened(self, width: float, ends: int) -> float:
        """Wide enough for the ends of all wires, and odd."""
        return _odd(max(int(width), (ends + 1) * int(self.spacing.ends)))

    def gap(self, bends: Sequence[Bend]) -> float:
        """A line for every track, and one for arrows. Raises `TangledError` where no tracks can be told apart."""
        return max(tracks(bends).values(), default=-1) + 2

    def snapped(self, place: float) -> float:
        """A whole column."""
        return float(int(place // 1))


def _parts(box: Box) -> list[str]:
    """`scaler + trees + mean`, wrapped."""
    lines: list[str] = []
    for at, part in enumerate(box.parts):
        word = part if at == len(box.parts) - 1 else f"{part} +"
        if lines and columns(lines[-1]) + 1 + columns(word) <= _WIDEST_TEXT:
            lines[-1] += f" {word}"
        elif len(lines) == _MOST_PART_LINES:
            lines[-1] = f"and {len(box.parts) - at} more"
            break
        else:
            lines.append(word)
    return lines


def _odd(width: int) -> int:
    return width | 1
