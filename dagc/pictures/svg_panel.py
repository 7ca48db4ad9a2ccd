"""One laid-out diagram as SVG elements: frames at the back, wires on them, labels and boxes in front."""

from collections.abc import Iterator

from dagc.pictures.diagram import WORDS, Box, counted
from dagc.pictures.layout import Area, Frame, Layout
from dagc.pictures.sizes import Bend
from dagc.pictures.svg_elements import group, number, rectangle, words
from dagc.pictures.svg_sizes import (
    CHIP_GAP,
    CHIP_HEIGHT,
    HEADING_SIZE,
    INSET_Y,
    LABEL_SIZE,
    PRINT_LINE,
    PRINT_SIZE,
    STACK,
    TITLE_LINE,
    TITLE_SIZE,
    chips_of,
    frame_title_of,
    label_of,
    print_of,
    title_of,
)

_TIP_HALF, _TIP_HEIGHT = 4.0, 7.0
_CORNER, _FRAME_CORNER = 7.0, 12.0


def drawn(layout: Layout) -> Iterator[str]:
    """The elements of a diagram, from its own corner, one a line."""
    yield from (_frame(frame) for frame in layout.frames)
    yield from _wires(layout)
    for text, area in layout.labels:
        shown = words(label_of(text), area.middle, area.y + PRINT_LINE - 3, "print", LABEL_SIZE)
        yield group("label", text, [shown])
    for box, area in layout.boxes:
        yield _box(box, area)


def outline(kind_style: str, area: Area) -> str:
    """The outline of a box of a kind: values are pills, the rest rectangles."""
    round_ends = kind_style in ("input", "output", "expression")
    return rectangle(area, f"box {kind_style}", area.height / 2 if round_ends else _CORNER)


def _frame(frame: Frame) -> str:
    title = words(
        frame_title_of(frame.group.title),
        frame.title_x,
        frame.area.y + 21,
        "print heading",
        HEADING_SIZE,
        anchor="start",
        bold=True,
    )
    return group("", frame.group.title, [rectangle(frame.area, "frame", _FRAME_CORNER), title])


def _wires(layout: Layout) -> Iterator[str]:
    """Every wire as one path, then the arrows."""
    pieces: dict[int, list[str]] = {}
    for gap in layout.gaps:
        for bend in gap.bends:
            pieces.setdefault(bend.wire, []).append(_curve(bend, gap.y, gap.bottom))
    for upright in layout.uprights:
        if upright.bottom > upright.y:
            line = f"M{number(upright.x)} {number(upright.y)}V{number(upright.bottom)}"
            pieces.setdefault(upright.wire, []).append(line)
    for wire in sorted(pieces):
        yield f'<path class="wire" d="{"".join(pieces[wire])}"/>'
    tips = [_tip(upright.x, upright.bottom) for upright in layout.uprights if upright.is_tip]
    if tips:
        yield f'<path class="tip" d="{"".join(tips)}"/>'


def _curve(bend: Bend, y: float, bottom: float) -> str:
    """From the upper to the lower edge of a gap, upright at both ends so that pieces join without a corner."""
    start = f"M{number(bend.upper_x)} {number(y)}"
    if abs(bend.upper_x - bend.lower_x) < 0.1:
        return f"{start}V{number(bottom)}"
    half = number((y + bottom) / 2)
    lower = number(bend.lower_x)
    return f"{start}C{number(bend.upper_x)} {half} {lower} {half} {lower} {number(bottom)}"


def _tip(x: float, y: float) -> str:
    return f"M{number(x - _TIP_HALF)} {number(y - _TIP_HEIGHT)}h{number(2 * _TIP_HALF)}L{number(x)} {number(y)}z"


def _box(box: Box, area: Area) -> str:
    return group("", _told(box), list(_inside(box, area)))


def _inside(box: Box, area: Area) -> Iterator[str]:
    front = area
    if box.holds:
        front = Area(area.x + 2 * STACK, area.y, area.width - 4 * STACK, area.height - 2 * STACK)
        for sheet in (2 * STACK, STACK):
            yield rectangle(front.moved(sheet, sheet), f"box {box.kind}", _CORNER)
        yield rectangle(front, f"box {box.kind}", _CORNER)
    else:
        yield outline(box.kind, front)
    y = front.y + INSET_Y + TITLE_LINE
    yield words(title_of(box), front.middle, y - 5, "title", TITLE_SIZE, bold=True)
    chips = chips_of(box)
    for chip in chips:
        place = Area(front.middle + chip.x, y + CHIP_GAP + chip.y, chip.width, CHIP_HEIGHT)
        yield rectangle(place, "chip", CHIP_HEIGHT / 2)
        yield words(chip.text, place.middle, place.y + 15, "", PRINT_SIZE)
    y += chips[-1].y + CHIP_HEIGHT + 2 * CHIP_GAP if chips else 0.0
    for at, line in enumerate(print_of(box), start=1):
        yield words(line, front.middle, y + at * PRINT_LINE - 4, "print", PRINT_SIZE)


def _told(box: Box) -> str:
    """Everything about a box, uncut, for the pointer and for readers of the text alone."""
    kind = counted(box.tally) if box.holds else WORDS[box.kind][0]
    said = [f"{kind} {box.title}", box.place, *box.lines, " + ".join(box.parts)]
    return " · ".join(word for word in said if word)
