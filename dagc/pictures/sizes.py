"""What a form of picture says about room: how large its boxes and labels are, and how far apart things stand.

The layout asks these and knows nothing else of pixels or terminal columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from dagc.pictures.diagram import Box


class Extent(NamedTuple):
    """Width and height."""

    width: float
    height: float


class Bend(NamedTuple):
    """A wire's way through the gap between two layers: where it enters, where it leaves."""

    wire: int
    upper_x: float
    lower_x: float


@dataclass(frozen=True, slots=True)
class Spacing:
    """Fixed distances.

    `between` items of a layer, `ends` of wires at one box and from its corners, `lane` the width a passing wire
    takes, `padding` inside a frame at its sides and foot, `head` above its content.
    """

    between: float
    ends: float
    lane: float
    padding: float
    head: float


class Sizes(Protocol):
    """The sizes of one form of picture."""

    @property
    def spacing(self) -> Spacing:
        """The fixed distances."""
        ...

    def box(self, box: Box) -> Extent:
        """The room a box needs for its words."""
        ...

    def label(self, text: str) -> Extent:
        """The room of a label on a wire."""
        ...

    def title(self, text: str) -> float:
        """The width of a frame's title."""
        ...

    def widened(self, width: float, ends: int) -> float:
        """The width of a box or frame that holds that many ends of wires on one side."""
        ...

    def gap(self, bends: Sequence[Bend]) -> float:
        """The height of a gap between layers that these wires go through."""
        ...

    def snapped(self, place: float) -> float:
        """The nearest place that can be drawn: a whole column, a tenth of a pixel."""
        ...
