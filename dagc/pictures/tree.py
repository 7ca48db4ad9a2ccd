"""A diagram as an indented list, for terminals: from each end of the graph back to where its values come from.

What has one source stands right above it; only forks are indented, so a long chain stays narrow.
"""

from collections.abc import Iterator

from dagc.pictures.diagram import WORDS, Box, Diagram
from dagc.pictures.lettering import columns, fitted, listed

_FROM = "◂ "
_ROOM_FOR_PARTS = 40


def listing(diagram: Diagram, widest: int) -> list[str]:
    """The lines; a box that several others read is told once and named after that."""
    return [fitted(line, widest, columns) for line in _Lister(diagram).lines()]


class _Lister:
    """One diagram read from its ends; `told` are the boxes that have had their line."""

    def __init__(self, diagram: Diagram) -> None:
        self._boxes = {box.id: box for box in diagram.boxes}
        self._sources: dict[str, dict[str, list[str]]] = {box.id: {} for box in diagram.boxes}
        for edge in diagram.edges:
            self._sources[edge.target].setdefault(edge.source, []).append(edge.label)
        self._titles = [group.title for group in diagram.groups]
        self._told: set[str] = set()
        read = {edge.source for edge in diagram.edges}
        self._ends = [box.id for box in reversed(diagram.boxes) if box.id not in read]

    def lines(self) -> Iterator[str]:
        """Every end with all that leads to it."""
        yield from self._titles
        for end in self._ends:
            yield from self._branch(end, [], "", "")

    def _branch(self, id_: str, labels: list[str], first: str, rest: str) -> Iterator[str]:
        """The box behind `first`, then its sources behind `rest`."""
        head = "  ".join(word for word in (self._boxes[id_].title, ", ".join(filter(None, labels))) if word)
        if id_ in self._told:
            yield f"{first}{head}  (see above)"
            return
        self._told.add(id_)
        yield "  ".join([f"{first}{head}", *_print(self._boxes[id_])])
        sources = list(self._sources[id_].items())
        for left, (source, given) in zip(range(len(sources) - 1, -1, -1), sources, strict=True):
            if len(sources) == 1:
                yield from self._branch(source, given, f"{rest}{_FROM}", rest)
            else:
                fork, below = ("├", "│  ") if left else ("└", "   ")
                yield from self._branch(source, given, f"{rest}{fork}{_FROM}", f"{rest}{below}")


def _print(box: Box) -> Iterator[str]:
    """The small print of a box on its line."""
    if not box.holds and box.kind != "output":
        yield f"({WORDS[box.kind][0]})"
    if box.parts:
        yield listed(box.parts, _ROOM_FOR_PARTS, columns, joint=" + ")
    yield from box.lines
    if box.place:
        yield box.place
