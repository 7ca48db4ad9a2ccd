"""What a picture shows: boxes, the values that flow between them, and frames around boxes. No sizes, no places.

Every form of picture (SVG, mermaid, text) is drawn from this and nothing else, so they cannot disagree.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["input", "step", "waits", "model", "fused", "expression", "choice", "mixed", "output"]
"""`waits` is a step that waits for the world, `mixed` a folded box that holds several kinds."""

WORDS: dict[Kind, tuple[str, str]] = {
    "input": ("input", "inputs"),
    "step": ("step", "steps"),
    "waits": ("waiting step", "waiting steps"),
    "model": ("model", "models"),
    "fused": ("fused model", "fused models"),
    "expression": ("expression", "expressions"),
    "choice": ("choice", "choices"),
    "mixed": ("folded part", "folded parts"),
    "output": ("output", "outputs"),
}
"""One box of a kind, and several, in words."""


@dataclass(frozen=True, slots=True)
class Box:
    """One thing a value passes through.

    `place` cites the user's lines, `lines` is the small print, `parts` names what a fused model was made of.
    `holds` counts, by kind, the boxes that a folded box stands for; it is empty for a box that is itself.
    """

    id: str
    kind: Kind
    title: str
    place: str = ""
    lines: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    holds: tuple[tuple[Kind, int], ...] = ()

    @property
    def tally(self) -> Counter[Kind]:
        """How many boxes of each kind this one stands for."""
        return Counter(dict(self.holds)) if self.holds else Counter({self.kind: 1})


@dataclass(frozen=True, slots=True)
class Edge:
    """A value on its way between two boxes. Edges of one source and one label are the same value, drawn forked."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A frame around boxes and other frames (by id): a service, or the graph inside an operation.

    No path may leave a group and come back.
    """

    id: str
    title: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagram:
    """A picture before it has a size. Boxes are in the order they were written; edges form no circle."""

    title: str
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    groups: tuple[Group, ...] = ()

    def parents(self) -> dict[str, str]:
        """The group directly around each box or group that has one."""
        return {member: group.id for group in self.groups for member in group.members}


@dataclass(frozen=True, slots=True)
class Panel:
    """One diagram with the words above it."""

    heading: str
    diagram: Diagram


@dataclass(frozen=True, slots=True)
class Picture:
    """A graph in one or two stages (before and after), with the sentence that says what changed."""

    title: str
    panels: tuple[Panel, ...]
    sentence: str = ""


@dataclass(slots=True)
class Links:
    """Who follows whom, by box id, each neighbour once and in order."""

    above: dict[str, dict[str, None]] = field(default_factory=dict)
    below: dict[str, dict[str, None]] = field(default_factory=dict)


def links(diagram: Diagram) -> Links:
    """The neighbours of every box; the dicts serve as ordered sets."""
    found = Links({box.id: {} for box in diagram.boxes}, {box.id: {} for box in diagram.boxes})
    for edge in diagram.edges:
        found.below[edge.source][edge.target] = None
        found.above[edge.target][edge.source] = None
    return found


def within(diagram: Diagram) -> dict[str, Links]:
    """For every group, and for `""` around them all, the neighbours among its own members, groups being one."""
    parents = diagram.parents()
    found = {scope: Links() for scope in ("", *(group.id for group in diagram.groups))}
    for member in (*(box.id for box in diagram.boxes), *(group.id for group in diagram.groups)):
        near = found[parents.get(member, "")]
        near.above[member], near.below[member] = {}, {}
    for edge in diagram.edges:
        sources, targets = _ancestry(edge.source, parents), _ancestry(edge.target, parents)
        for scope in sources.keys() & targets.keys():
            source, target = sources[scope], targets[scope]
            if source != target:
                found[scope].below[source][target] = None
                found[scope].above[target][source] = None
    return found


def ranked(links: Links, least: int = 0) -> dict[str, int]:
    """The length of the longest path that leads to each box, from `least` on (Kahn's order, so linear)."""
    waiting = {box: len(above) for box, above in links.above.items()}
    ranks = {box: least for box, count in waiting.items() if not count}
    queue = list(ranks)
    for box in queue:  # grows while it is read
        for follower in links.below[box]:
            ranks[follower] = max(ranks.get(follower, least), ranks[box] + 1)
            waiting[follower] -= 1
            if not waiting[follower]:
                queue.append(follower)
    if len(queue) < len(waiting):
        raise ValueError("the boxes of a diagram form a circle")
    return ranks


def counted(tally: Counter[Kind]) -> str:
    """A tally in words: `20 models, 3 expressions`."""
    return ", ".join(f"{count} {WORDS[kind][count != 1]}" for kind, count in tally.items())


def kinds_of(diagrams: Sequence[Diagram]) -> Iterator[Kind]:
    """The kinds that occur, in the order of a legend."""
    present = {box.kind for diagram in diagrams for box in diagram.boxes}
    return (kind for kind in WORDS if kind in present)


def _ancestry(member: str, parents: Mapping[str, str]) -> dict[str, str]:
    """The groups around a box and `""`, each with the one of its members that is or holds the box."""
    found: dict[str, str] = {}
    while member:
        scope = parents.get(member, "")
        found[scope] = member
        member = scope
    return found
