"""Pictures as one SVG document: plain elements written by hand, light and dark by one style sheet, no script.

A reader is told the kind of a box by its words and its outline as well as by its colour.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dagc.pictures.diagram import WORDS, Kind, Panel, Picture, kinds_of
from dagc.pictures.layout import Area
from dagc.pictures.lettering import fitted, plain, width
from dagc.pictures.nesting import laid_out
from dagc.pictures.svg_elements import number, told, words
from dagc.pictures.svg_panel import drawn, outline
from dagc.pictures.svg_sizes import HEADING_SIZE, PRINT_SIZE, TITLE_SIZE, SvgSizes
from dagc.pictures.svg_style import STYLE

_MARGIN = 32.0
_NAME_SIZE, _NAME_LINE = 20.0, 34.0
_HEADING_LINE = 30.0
_BETWEEN_PICTURES = 44.0
_WIDEST_ROW = 2000.0  # a page shows 900 pixels: small print of 11 is lost below a scale of a half
_ARROW_MARGIN, _LEAST_ARROW = 28.0, 60.0
_SWATCH = Area(0, 0, 26, 14)
_LEGEND_LINE = 24.0
_LEAST_WIDTH = 380.0
_WIDEST_NAME = 600.0


class _Block(NamedTuple):
    """Elements with the room they take, from their own corner."""

    elements: list[str]
    width: float
    height: float


def svg(pictures: Sequence[Picture]) -> str:
    """The document: each picture below the last, a legend at the foot. Deterministic."""
    blocks = [_picture(picture) for picture in pictures]
    wide = max(_LEAST_WIDTH, *(block.width for block in blocks))
    blocks.append(_legend(list(kinds_of([panel.diagram for p in pictures for panel in p.panels])), wide))
    lines: list[str] = []
    y = _MARGIN
    for block in blocks:
        lines += _at(_MARGIN, y, block.elements)
        y += block.height + _BETWEEN_PICTURES
    height = y - _BETWEEN_PICTURES + _MARGIN
    return "\n".join([*_head(pictures, wide + 2 * _MARGIN, height), *lines, "</svg>"]) + "\n"


def _head(pictures: Sequence[Picture], wide: float, high: float) -> Iterator[str]:
    size = f'width="{number(wide)}" height="{number(high)}" viewBox="0 0 {number(wide)} {number(high)}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    yield told("; ".join(f"{picture.title}: {picture.sentence}".rstrip(": ") for picture in pictures))
    yield f"<style>\n{STYLE}\n</style>"
    yield '<rect class="paper" width="100%" height="100%"/>'


def _picture(picture: Picture) -> _Block:
    """The name, and below it the panels with the sentence between them, side by side where a page has room."""
    name = fitted(plain(picture.title), _WIDEST_NAME, lambda text: width(text, _NAME_SIZE, bold=True))
    elements = [words(name, 0, 20, "name", _NAME_SIZE, anchor="start", bold=True)]
    panels = [_panel(panel) for panel in picture.panels]
    side_by_side = sum(panel.width for panel in panels) <= _WIDEST_ROW
    below = (_in_a_row if side_by_side else _in_a_column)(panels, picture.sentence)
    wide = max(below.width, width(name, _NAME_SIZE, bold=True))
    return _Block([*elements, *below.elements], wide, _NAME_LINE + below.height)


def _in_a_row(panels: Sequence[_Block], sentence: str) -> _Block:
    elements: list[str] = []
    x = 0.0
    for at, panel in enumerate(panels):
        if at:
            block = _arrow(sentence)
            elements += _at(x, _NAME_LINE + min(p.height for p in panels) / 2, block.elements)
            x += block.width
        elements += _at(x, _NAME_LINE, panel.elements)
        x += panel.width
    return _Block(elements, x, max(panel.height for panel in panels))


def _in_a_column(panels: Sequence[_Block], sentence: str) -> _Block:
    elements: list[str] = []
    y = 0.0
    for at, panel in enumerate(panels):
        if at:
            block = _arrow_down(sentence)
            elements += _at(0, _NAME_LINE + y, block.elements)
            y += block.height
        elements += _at(0, _NAME_LINE + y, panel.elements)
        y += panel.height
    return _Block(elements, max(panel.width for panel in panels), y)


def _panel(panel: Panel) -> _Block:
    layout = laid_out(panel.diagram, SvgSizes())
    heading = words(panel.heading, 0, 14, "print heading", HEADING_SIZE, anchor="start", bold=True)
    elements = [heading, *_at(0, _HEADING_LINE, drawn(layout))]
    wide = max(layout.width, width(panel.heading, HEADING_SIZE, bold=True))
    return _Block(elements, wide, layout.height + _HEADING_LINE)


def _arrow(sentence: str) -> _Block:
    """The sentence over an arrow from one panel to the next, its middle at y = 0."""
    long = max(width(sentence, TITLE_SIZE, bold=True), _LEAST_ARROW)
    end = _ARROW_MARGIN + long
    line = f'<path class="wire arrow" d="M{number(_ARROW_MARGIN)} 0H{number(end - 6)}"/>'
    tip = f'<path class="tip" d="M{number(end - 9)} -6L{number(end)} 0L{number(end - 9)} 6z"/>'
    text = words(sentence, _ARROW_MARGIN + long / 2, -12, "title", TITLE_SIZE, bold=True)
    return _Block([line, tip, text], long + 2 * _ARROW_MARGIN, 0)


def _arrow_down(sentence: str) -> _Block:
    """An arrow to the panel below, the sentence beside it."""
    end = _ARROW_MARGIN + _LEAST_ARROW
    line = f'<path class="wire arrow" d="M8 {number(_ARROW_MARGIN)}V{number(end - 6)}"/>'
    tip = f'<path class="tip" d="M2 {number(end - 9)}L8 {number(end)}L14 {number(end - 9)}z"/>'
    middle = _ARROW_MARGIN + _LEAST_ARROW / 2
    text = words(sentence, 28, middle + 5, "title", TITLE_SIZE, anchor="start", bold=True)
    return _Block([line, tip, text], 28 + width(sentence, TITLE_SIZE, bold=True), end + _ARROW_MARGIN)


def _legend(kinds: Sequence[Kind], wide: float) -> _Block:
    """A swatch and a word for every kind that occurs, in as many lines as it takes."""
    elements: list[str] = []
    x, y = 0.0, 0.0
    for kind in kinds:
        word = WORDS[kind][0]
        step = _SWATCH.width + 8 + width(word, PRINT_SIZE) + 22
        if x and x + step > wide:
            x, y = 0.0, y + _LEGEND_LINE
        elements.append(outline(kind, _SWATCH.moved(x, y)))
        elements.append(words(word, x + _SWATCH.width + 8, y + 11, "print", PRINT_SIZE, anchor="start"))
        x += step
    return _Block(elements, wide, y + _SWATCH.height)


def _at(x: float, y: float, elements: Iterable[str]) -> list[str]:
    return [f'<g transform="translate({number(x)} {number(y)})">', *elements, "</g>"]
