"""Pictures for a terminal of 100 columns: drawn with strokes where that fits, as an indented list where not."""

from collections.abc import Iterator, Sequence

from dagc.pictures.canvas import DOWN, LEFT, RIGHT, UP, Canvas
from dagc.pictures.cells import CellSizes, frame_title_of, label_of, lines_of
from dagc.pictures.diagram import Box, Diagram, Kind, Picture
from dagc.pictures.layout import Area, Gap, Layout
from dagc.pictures.lettering import columns, fitted, plain, visible
from dagc.pictures.nesting import laid_out
from dagc.pictures.tracks import TangledError, tracks
from dagc.pictures.tree import listing

WIDEST = 100
_MOST_LINES = 90  # a drawing that is longer says less than a list

_BORDERS: dict[Kind, str] = {
    "input": "╭╮╯╰─│", "output": "╭╮╯╰─│", "expression": "╭╮╯╰─│",
    "choice": "╱╲╱╲─│",
    "step": "┌┐┘└─│", "waits": "┌┐┘└╌╎",
    "model": "┏┓┛┗━┃", "fused": "╔╗╝╚═║", "mixed": "┏┓┛┗╍┇",
}  # fmt: skip
_FRAME = "┌┐┘└╌╎"


def text(pictures: Sequence[Picture]) -> str:
    """Every picture with its stages below each other; no line is wider than 100 columns."""
    blocks = [line for picture in pictures for line in _picture(picture)]
    return "\n".join(fitted(visible(line), WIDEST, columns) for line in blocks) + "\n"


def _picture(picture: Picture) -> Iterator[str]:
    yield plain(picture.title)
    for at, panel in enumerate(picture.panels):
        if at:
            yield from ("", plain(picture.sentence))
        yield from ("", plain(panel.heading), "")
        yield from drawn(panel.diagram)
    yield ""


def drawn(diagram: Diagram) -> list[str]:
    """The lines of one diagram."""
    try:
        layout = laid_out(diagram, CellSizes())
    except TangledError:
        return listing(diagram, WIDEST)
    if layout.width > WIDEST or layout.height > _MOST_LINES:
        return listing(diagram, WIDEST)
    return _strokes(layout).lines()


def _strokes(layout: Layout) -> Canvas:
    canvas = Canvas()
    for frame in sorted(layout.frames, key=lambda frame: frame.area.y):
        canvas.frame(_cells(frame.area), _FRAME)
        canvas.write(int(frame.title_x), int(frame.area.y), frame_title_of(frame.group.title))
    for upright in layout.uprights:
        canvas.upright(upright.wire, int(upright.x), int(upright.y), int(upright.bottom))
    for gap in layout.gaps:
        _bends(canvas, gap)
    for box, area in layout.boxes:
        _box(canvas, box, area)
    for label, area in layout.labels:
        shown = label_of(label)
        canvas.write(int(area.x + (area.width - columns(shown)) / 2), int(area.y), shown)
    for upright in (upright for upright in layout.uprights if upright.is_tip):
        canvas.write(int(upright.x), int(upright.bottom) - 1, "▼")
    return canvas


def _bends(canvas: Canvas, gap: Gap) -> None:
    rows = tracks(gap.bends)
    for bend in gap.bends:
        upper, lower, top = int(bend.upper_x), int(bend.lower_x), int(gap.y)
        if bend.wire not in rows:
            canvas.upright(bend.wire, upper, top, int(gap.bottom))
            continue
        row = top + rows[bend.wire]
        canvas.upright(bend.wire, upper, top, row)
        canvas.upright(bend.wire, lower, row + 1, int(gap.bottom))
        canvas.stroke(bend.wire, upper, row, UP)
        canvas.stroke(bend.wire, lower, row, DOWN)
        for x in range(min(upper, lower), max(upper, lower)):
            canvas.stroke(bend.wire, x, row, RIGHT)
            canvas.stroke(bend.wire, x + 1, row, LEFT)


def _box(canvas: Canvas, box: Box, area: Area) -> None:
    canvas.frame(_cells(area), _BORDERS[box.kind])
    for at, line in enumerate(lines_of(box), start=1):
        canvas.write(int(area.x + (area.width - columns(line)) / 2), int(area.y) + at, line)


def _cells(area: Area) -> tuple[int, int, int, int]:
    return int(area.x), int(area.y), int(area.width), int(area.height)
