"""Where everything of a diagram stands, in the units of one form of picture. Only data; `nesting` makes it."""

from dataclasses import dataclass, field

from dagc.pictures.diagram import Box, Group
from dagc.pictures.sizes import Bend


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle, y growing downwards."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """The x of its middle."""
        return self.x + self.width / 2

    @property
    def right(self) -> float:
        """The x of its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of its lower edge."""
        return self.y + self.height

    def moved(self, x: float, y: float) -> "Area":
        """The same rectangle elsewhere."""
        return Area(self.x + x, self.y + y, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Gap:
    """The room between two layers and the wires that change their x in it."""

    y: float
    bottom: float
    bends: tuple[Bend, ...]

    def moved(self, x: float, y: float) -> "Gap":
        """The same gap elsewhere."""
        bends = tuple(Bend(bend.wire, bend.upper_x + x, bend.lower_x + x) for bend in self.bends)
        return Gap(self.y + y, self.bottom + y, bends)


@dataclass(frozen=True, slots=True)
class Upright:
    """A vertical piece of a wire; `is_tip` where it ends at a box, as an arrow."""

    wire: int
    x: float
    y: float
    bottom: float
    is_tip: bool = False

    def moved(self, x: float, y: float) -> "Upright":
        """The same piece elsewhere."""
        return Upright(self.wire, self.x + x, self.y + y, self.bottom + y, self.is_tip)


@dataclass(frozen=True, slots=True)
class Frame:
    """A group with its place; its title begins at `title_x`, where no wire passes."""

    group: Group
    area: Area
    title_x: float

    def moved(self, x: float, y: float) -> "Frame":
        """The same frame elsewhere."""
        return Frame(self.group, self.area.moved(x, y), self.title_x + x)


@dataclass(slots=True)
class Layout:
    """A diagram with places. A wire is all bends and uprights of one number."""

    width: float = 0.0
    height: float = 0.0
    boxes: list[tuple[Box, Area]] = field(default_factory=list)
    labels: list[tuple[str, Area]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    uprights: list[Upright] = field(default_factory=list)

    def add(self, inner: "Layout", x: float, y: float) -> None:
        """Take over everything of another layout, moved."""
        self.boxes += [(box, area.moved(x, y)) for box, area in inner.boxes]
        self.labels += [(text, area.moved(x, y)) for text, area in inner.labels]
        self.frames += [frame.moved(x, y) for frame in inner.frames]
        self.gaps += [gap.moved(x, y) for gap in inner.gaps]
        self.uprights += [upright.moved(x, y) for upright in inner.uprights]
