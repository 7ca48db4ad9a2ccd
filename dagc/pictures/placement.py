"""Ordered layers given their places: x from the neighbours, y from the heights of layers and of the gaps."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from dagc.pictures.coordinates import middles, spread
from dagc.pictures.layers import End, Layers, Strand
from dagc.pictures.layout import Area, Gap, Upright
from dagc.pictures.sizes import Bend, Sizes

_CORNER = 0.28
"""The part of a box at each side where wires do not meet it, unless there are too many of them."""


@dataclass(slots=True)
class Placement:
    """The places of the items of one frame, counted from its own corner, and of the wires between them."""

    areas: dict[str, Area] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    uprights: list[Upright] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def placed(layers: Layers, boxes: Collection[str], numbers: Sequence[int], sizes: Sizes) -> Placement:
    """Every item's area. `boxes` meet wires anywhere on an edge; `numbers` are the wires' in the whole diagram."""
    return _Stack(layers, boxes, numbers, sizes).placement()


class _Stack:
    """Lays the layers of one frame below each other."""

    def __init__(self, layers: Layers, boxes: Collection[str], numbers: Sequence[int], sizes: Sizes) -> None:
        self._layers = layers
        self._boxes = boxes
        self._numbers = numbers
        self._sizes = sizes
        self._labels = set(layers.labels.values())
        self._left = self._lefts()
        self._bends = [self._bends_below(row) for row in range(len(layers.strands))]
        self._result = Placement()

    def placement(self) -> Placement:
        """All areas, gaps and uprights."""
        result, last = self._result, len(self._layers.rows) - 1
        for row in range(len(self._layers.rows)):
            self._place_row(row)
            if row < last:
                gap = self._sizes.gap(self._bends[row])
                result.gaps.append(Gap(result.height, result.height + gap, tuple(self._bends[row])))
                result.height += gap
        result.width = max((area.right for area in result.areas.values()), default=0.0)
        return result

    def _lefts(self) -> dict[str, float]:
        """The left edge of every item, the leftmost at 0."""
        snapped, extents = self._sizes.snapped, self._layers.extents
        centres = middles(self._layers, self._sizes.spacing.between)
        lefts = {item: snapped(x - extents[item].width / 2) for item, x in centres.items()}
        least = min(lefts.values(), default=0.0)
        return {item: snapped(left - least) for item, left in lefts.items()}

    def _bends_below(self, row: int) -> list[Bend]:
        """The strands of a gap, meeting boxes where that keeps them straight, in the order of `strands`."""
        strands = self._layers.strands[row]
        upper = self._along([s.upper for s in strands], [self._middle(s.lower) for s in strands], strands)
        lower = self._along([s.lower for s in strands], upper, strands)
        wires = [self._numbers[strand.wire] for strand in strands]
        return [Bend(*found) for found in zip(wires, upper, lower, strict=True)]

    def _along(self, ends: Sequence[End], others: Sequence[float], strands: Sequence[Strand]) -> list[float]:
        """Where the strands meet the items on one side; strands of one wire leave an item at one place."""
        found = [self._middle(end) for end in ends]
        meeting: dict[str, dict[int, list[int]]] = {}
        for index, end in enumerate(ends):
            if end.item in self._boxes:
                meeting.setdefault(end.item, {}).setdefault(strands[index].wire, []).append(index)
        margin = self._sizes.spacing.ends
        for item, wires in meeting.items():
            left, width = self._left[item], self._layers.extents[item].width
            groups = sorted(wires.values(), key=lambda group: sum(others[i] for i in group) / len(group))
            wanted = [sum(others[i] for i in group) / len(group) for group in groups]
            places = spread(wanted, [margin] * (len(groups) - 1), bounds=(left + margin, left + width - margin))
            for group, x in zip(groups, places, strict=True):
                for index in group:
                    found[index] = x
        return found

    def _middle(self, end: End) -> float:
        return self._left[end.item] + self._layers.extents[end.item].width / 2 + end.offset

    def _place_row(self, row: int) -> None:
        result, extents = self._result, self._layers.extents
        items = self._layers.rows[row]
        y, height = result.height, max((extents[item].height for item in items), default=0.0)
        for item in items:
            extent = extents[item]
            top = y + self._sizes.snapped((height - extent.height) / 2)
            result.areas[item] = Area(self._left[item], top, extent.width, extent.height)
        result.height += height
        if row:
            for strand, bend in zip(self._layers.strands[row - 1], self._bends[row - 1], strict=True):
                self._enter(strand, bend, y, result.height)
        if row < len(self._bends):
            for strand, bend in zip(self._layers.strands[row], self._bends[row], strict=True):
                area = result.areas[strand.upper.item]
                if self._ends_above(strand.upper.item, result.height):
                    result.uprights.append(Upright(bend.wire, bend.upper_x, area.bottom, result.height))

    def _ends_above(self, item: str, bottom: float) -> bool:
        """Whether a wire has some way to go from an item to the foot of its layer."""
        passes = item in self._layers.lanes or item in self._labels
        return not passes and self._result.areas[item].bottom < bottom

    def _enter(self, strand: Strand, bend: Bend, y: float, bottom: float) -> None:
        """The wire's way from the top of a layer to the item it meets there, or on through the layer."""
        item = strand.lower.item
        area = self._result.areas[item]
        if item in self._layers.lanes:
            if bottom > y:
                self._result.uprights.append(Upright(bend.wire, bend.lower_x, y, bottom))
        elif item in self._labels:
            return  # the wire is interrupted by its label
        elif item in self._boxes:
            self._result.uprights.append(Upright(bend.wire, bend.lower_x, y, area.y, is_tip=True))
        elif area.y > y:
            self._result.uprights.append(Upright(bend.wire, bend.lower_x, y, area.y))
