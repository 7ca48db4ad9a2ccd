"""The layout of a whole diagram: every frame on its own, from the inside out.

A wire that enters a frame meets a port on its upper edge, one that leaves a port on its lower edge; for the layout
around it the frame is one box with ports. So frames nest to any depth and nothing in them can leave them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dagc.pictures.diagram import Diagram
from dagc.pictures.layers import End, Wire, layered
from dagc.pictures.layout import Area, Frame, Layout, Upright
from dagc.pictures.placement import placed
from dagc.pictures.sizes import Extent, Sizes, Spacing

_ENTRY, _EXIT = "\0entry ", "\0exit "  # no box is called so

_Ports = Mapping[str, float]
"""The x of a frame's ports."""


@dataclass(slots=True)
class _Flow:
    """One value within one frame: its number in the whole diagram, where it starts and who reads it there."""

    number: int
    start: str
    label: str
    ends: dict[str, None] = field(default_factory=dict)


def laid_out(diagram: Diagram, sizes: Sizes) -> Layout:
    """The places of everything in a diagram; deterministic, and without overlaps."""
    layout, _ = _Nest(diagram, sizes).content("")
    return layout


class _Nest:
    """The frames of one diagram; `""` is the room around them all."""

    def __init__(self, diagram: Diagram, sizes: Sizes) -> None:
        self._sizes = sizes
        self._boxes = {box.id: box for box in diagram.boxes}
        self._groups = {group.id: group for group in diagram.groups}
        self._parents = diagram.parents()
        self._members: dict[str, list[str]] = {scope: [] for scope in ("", *self._groups)}
        for member in (*self._boxes, *self._groups):
            self._members[self._parents.get(member, "")].append(member)
        self._flows: dict[str, dict[int, _Flow]] = {scope: {} for scope in self._members}
        numbers: dict[tuple[str, str], int] = {}
        for edge in diagram.edges:
            number = numbers.setdefault((edge.source, edge.label), len(numbers))
            self._route(number, edge.source, edge.target, edge.label)

    def content(self, scope: str) -> tuple[Layout, _Ports]:
        """What is inside a frame, from its own corner, and the x of its ports."""
        inner = {group: self._framed(group) for group in self._members[scope] if group in self._groups}
        flows = list(self._flows[scope].values())
        extents = self._extents(scope, flows, {group: layout for group, (layout, _) in inner.items()})
        boxes = [item for item in extents if item in self._boxes]
        wires = [
            self._wire(flow, {group: ports for group, (_, ports) in inner.items()}, extents) for flow in flows
        ]
        layers = layered(
            extents,
            wires,
            top=[i for i in extents if i.startswith(_ENTRY) or (i in boxes and self._boxes[i].kind == "input")],
            bottom=[i for i in extents if i.startswith(_EXIT) or (i in boxes and self._boxes[i].kind == "output")],
            lane=self._sizes.spacing.lane,
        )
        place = placed(layers, boxes, [flow.number for flow in flows], self._sizes)
        labels = [(flows[wire].label, place.areas[item]) for wire, item in layers.labels.items()]
        layout = Layout(
            place.width, place.height, [(self._boxes[item], place.areas[item]) for item in boxes], labels,
            gaps=place.gaps, uprights=place.uprights,
        )  # fmt: skip
        for group, (content, _) in inner.items():
            layout.add(content, place.areas[group].x, place.areas[group].y)
        return layout, {i: area.middle for i, area in place.areas.items() if i.startswith((_ENTRY, _EXIT))}

    def _framed(self, group: str) -> tuple[Layout, _Ports]:
        """The frame around its content, with its title where no wire comes in."""
        content, places = self.content(group)
        space = self._sizes.spacing
        title = self._sizes.title(self._groups[group].title)
        entries = sorted(x for port, x in places.items() if port.startswith(_ENTRY))
        room, title_x = _title_place(title, entries, content.width, space)
        left = -self._sizes.snapped(-room)
        width = self._sizes.widened(max(content.width + 2 * left, title + 2 * space.padding), 0)
        height = space.head + content.height + space.padding
        frame = Layout(width, height, frames=[Frame(self._groups[group], Area(0, 0, width, height), title_x)])
        frame.add(content, left, space.head)
        for port, x in places.items():
            edge = (0.0, space.head) if port.startswith(_ENTRY) else (height - space.padding, height)
            frame.uprights.append(Upright(int(port.split()[1]), x + left, *edge))
        return frame, {port: x + left for port, x in places.items()}

    def _extents(self, scope: str, flows: list[_Flow], inner: Mapping[str, Layout]) -> dict[str, Extent]:
        """The room of every item of a frame, ports too."""
        entering, leaving = _counts(flows)
        extents: dict[str, Extent] = {}
        for member in self._members[scope]:
            if member in inner:
                extents[member] = Extent(inner[member].width, inner[member].height)
                continue
            needed = self._sizes.box(self._boxes[member])
            ends = max(entering.get(member, 0), leaving.get(member, 0))
            extents[member] = Extent(self._sizes.widened(needed.width, ends), needed.height)
        for port in (port for flow in flows for port in (flow.start, *flow.ends) if port.startswith("\0")):
            extents[port] = Extent(self._sizes.spacing.lane, 0)
        return extents

    def _wire(self, flow: _Flow, ports: Mapping[str, _Ports], extents: Mapping[str, Extent]) -> Wire:
        def end(item: str, port: str) -> End:
            """Where a line meets an item."""
            return End(
                item, ports[item][f"{port}{flow.number}"] - extents[item].width / 2 if item in ports else 0.0
            )

        shown = flow.label and flow.start in self._boxes
        label = self._sizes.label(flow.label) if shown else None
        return Wire(end(flow.start, _EXIT), tuple(end(item, _ENTRY) for item in flow.ends), label)

    def _route(self, number: int, source: str, target: str, label: str) -> None:
        """Add a value's way to one reader to every frame it passes through."""
        around_source, around_target = self._around(source), self._around(target)
        common = next(scope for scope in around_source if scope in around_target)
        start = source
        for scope in around_source[: around_source.index(common)]:
            self._flow(scope, number, start, label).ends[f"{_EXIT}{number}"] = None
            start = scope
        steps = [*reversed(around_target[: around_target.index(common)]), target]
        for scope, end in zip((common, *steps), steps, strict=False):
            self._flow(scope, number, start, label).ends[end] = None
            start = f"{_ENTRY}{number}"

    def _flow(self, scope: str, number: int, start: str, label: str) -> _Flow:
        return self._flows[scope].setdefault(number, _Flow(number, start, label))

    def _around(self, member: str) -> list[str]:
        """The frames around a box or a frame, the nearest first, `""` the last."""
        found = [self._parents.get(member, "")]
        while found[-1]:
            found.append(self._parents.get(found[-1], ""))
        return found


def _counts(flows: list[_Flow]) -> tuple[dict[str, int], dict[str, int]]:
    """How many wires enter and leave each item."""
    entering: dict[str, int] = {}
    leaving: dict[str, int] = {}
    for flow in flows:
        leaving[flow.start] = leaving.get(flow.start, 0) + 1
        for end in flow.ends:
            entering[end] = entering.get(end, 0) + 1
    return entering, leaving


def _title_place(title: float, entries: list[float], width: float, space: Spacing) -> tuple[float, float]:
    """How much room the content has at its sides, and where the title begins."""
    room = title + space.ends
    if not entries or entries[0] >= room:
        return space.padding, space.padding
    if width - entries[-1] >= room:
        return space.padding, width + space.padding - title
    return space.padding + room - entries[0], space.padding
