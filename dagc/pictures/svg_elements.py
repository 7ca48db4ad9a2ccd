"""Single SVG elements as text. Whatever a user wrote is escaped here and nowhere else."""

from collections.abc import Sequence
from typing import Literal
from xml.sax.saxutils import escape

from dagc.pictures.layout import Area
from dagc.pictures.lettering import is_measured, plain, width

Anchor = Literal["start", "middle", "end"]


def number(value: float) -> str:
    """A coordinate in tenths, without needless digits."""
    return f"{round(value, 1):g}" if abs(value) < 1e5 else f"{value:.0f}"


def words(
    text: str, x: float, y: float, style: str, size: float, *, anchor: Anchor = "middle", bold: bool = False
) -> str:
    """A line of text with its baseline at `y`.

    Letters outside the table of widths may be wider in some font than guessed, so such a text is told its width.
    """
    shown = plain(text)
    forced = ""
    if not is_measured(shown):
        forced = f' textLength="{number(width(shown, size, bold=bold))}" lengthAdjust="spacingAndGlyphs"'
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{style}" x="{number(x)}" y="{number(y)}"{place}{forced}>{escape(shown)}</text>'


def rectangle(area: Area, style: str, radius: float) -> str:
    """A rectangle with round corners."""
    size = f'width="{number(area.width)}" height="{number(area.height)}"'
    return f'<rect class="{style}" x="{number(area.x)}" y="{number(area.y)}" {size} rx="{number(radius)}"/>'


def group(style: str, title: str, elements: Sequence[str]) -> str:
    """Elements that belong together, with a text that shows while the pointer rests on them."""
    shown = told(title) if title else ""
    return f'<g class="{style}">{shown}{"".join(elements)}</g>'


def told(text: str) -> str:
    """What the element around it is, for readers who do not see it."""
    return f"<title>{escape(plain(text))}</title>"
