"""A large diagram made legible: chains, equal neighbours and, at last, whole layers become one box each.

Nothing is folded that is legible already, and no more than it takes. Every fold keeps the diagram free of circles:
a chain has no way out, equal neighbours no way between them, and a layer's boxes do not follow each other.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from dagc.pictures.diagram import WORDS, Box, Diagram, Edge, Kind, Links, counted, links, ranked, within
from dagc.pictures.lettering import listed
from dagc.pictures.wording import stem

_ROUNDS = 40  # of gentle folding; graphs that nest deeper go on layer by layer
_LARGE = 1000  # boxes; while there are more, a round must take away a tenth of them, which keeps the time linear
_NAMES_SHOWN = 34.0  # characters
_MOST_LABELS = 3
_FEW_INPUTS = 6  # they are what a caller sends: fewer stay apart


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reader can still take in: boxes in all, boxes in one layer, layers.

    A diagram of more than `boxes` is brought to `aim`. More than `deep` layers only shorten chains; more than
    `deepest` are joined whatever they hold.
    """

    boxes: int = 60
    aim: int = 36
    across: int = 12
    deep: int = 16
    deepest: int = 30


_How = Literal["run", "chain", "alike", "band"]


@dataclass(frozen=True, slots=True)
class _Fold:
    """Boxes that become one, in the order of the diagram."""

    members: tuple[str, ...]
    how: _How


_Need = Literal["boxes", "width", "depth"]
_Finder = Callable[[Diagram, Links], Iterable[_Fold]]


def folded(diagram: Diagram, limits: Limits | None = None) -> Diagram:
    """The diagram itself when it is within the limits, or one that is, with as few boxes folded as that takes."""
    bounds = limits or Limits()
    if len(diagram.boxes) > bounds.boxes:
        bounds = replace(bounds, boxes=bounds.aim)
    for _ in range(_ROUNDS):
        need = _need(diagram, bounds)
        if need is None:
            return diagram
        size, near = len(diagram.boxes), links(diagram)
        finders = (find for find, helps in _GENTLE if need in ("boxes", helps))
        folds = next(
            (found for find in finders if (found := _chosen(find(diagram, near), diagram, need, bounds))), None
        )
        if folds is None:
            break
        diagram = _contracted(diagram, folds)
        if len(diagram.boxes) > max(_LARGE, 0.9 * size):
            break
    if (need := _need(diagram, replace(bounds, deep=bounds.deepest))) is not None:
        diagram = _contracted(diagram, list(_alike_in_layers(diagram, bounds.across if need == "width" else 1)))
    if _need(diagram, replace(bounds, deep=bounds.deepest)) is not None:
        diagram = _contracted(diagram, list(_bands(diagram, bounds)))
    return diagram


def _need(diagram: Diagram, bounds: Limits) -> _Need | None:
    """Of what there is too much, if anything."""
    if len(diagram.boxes) > bounds.boxes:
        return "boxes"
    layers = Counter(ranked(links(diagram)).values())
    if max(layers.values(), default=0) > bounds.across:
        return "width"
    return "depth" if len(layers) > bounds.deep else None


def _chosen(found: Iterable[_Fold], diagram: Diagram, need: _Need, bounds: Limits) -> list[_Fold]:
    """The largest folds that are needed: all it takes to come to the number of boxes, or else the next one."""
    excess = len(diagram.boxes) - bounds.boxes
    if need == "depth":
        excess = max(ranked(links(diagram)).values()) + 1 - bounds.deep
    chosen: list[_Fold] = []
    for fold in sorted(found, key=lambda fold: -len(fold.members) if fold.how != "band" else 0):
        if excess <= 0 and chosen:
            break
        chosen.append(_middle(fold, excess + 1) if fold.how == "chain" else fold)
        excess -= len(fold.members) - 1
    return chosen


def _middle(fold: _Fold, enough: int) -> _Fold:
    """As much of the middle of a chain as it takes: where it comes from and where it goes stay visible."""
    spare = len(fold.members) - max(enough, 2)
    return (
        replace(fold, members=fold.members[spare // 2 : len(fold.members) - (spare + 1) // 2])
        if spare > 1
        else fold
    )


def _runs_of_expressions(diagram: Diagram, near: Links) -> Iterator[_Fold]:
    kinds = {box.id: box.kind for box in diagram.boxes}
    return _chains(diagram, near, lambda a, b: kinds[a] == kinds[b] == "expression", 2, "run")


def _long_chains(diagram: Diagram, near: Links) -> Iterator[_Fold]:
    return _chains(diagram, near, lambda _a, _b: True, 3, "chain")


def _short_chains(diagram: Diagram, near: Links) -> Iterator[_Fold]:
    return _chains(diagram, near, lambda _a, _b: True, 2, "chain")


def _chains(
    diagram: Diagram, near: Links, joins: Callable[[str, str], bool], least: int, how: _How
) -> Iterator[_Fold]:
    """Boxes that follow each other with no other way out; an input may feed them all."""
    kinds = {box.id: box.kind for box in diagram.boxes}
    parents = diagram.parents()
    following: dict[str, str] = {}
    for box in (box for box, kind in kinds.items() if kind not in ("input", "output")):
        below = list(near.below[box])
        if len(below) != 1 or kinds[below[0]] == "output" or parents.get(below[0]) != parents.get(box):
            continue
        others = near.above[below[0]].keys() - {box} - near.above[box].keys()
        if all(kinds[other] == "input" for other in others) and joins(box, below[0]):
            following[box] = below[0]
    inner = set(following.values())
    for start in (box for box in following if box not in inner):
        members = [start]
        while members[-1] in following:
            members.append(following[members[-1]])
        if len(members) >= least:
            yield _Fold(tuple(members), how)


def _many_alike(diagram: Diagram, near: Links) -> Iterator[_Fold]:
    return _alike(diagram, near, 3)


def _some_alike(diagram: Diagram, near: Links) -> Iterator[_Fold]:
    return _alike(diagram, near, 2)


def _alike(diagram: Diagram, near: Links, least: int) -> Iterator[_Fold]:
    """Boxes of one kind with the same neighbours on both sides."""
    parents = diagram.parents()
    found: dict[object, list[str]] = {}
    for box in diagram.boxes:
        key = (box.kind, parents.get(box.id), frozenset(near.above[box.id]), frozenset(near.below[box.id]))
        found.setdefault(key, []).append(box.id)
    kinds = {box.id: box.kind for box in diagram.boxes}
    return (
        _Fold(tuple(members), "alike")
        for members in found.values()
        if len(members) >= (max(least, _FEW_INPUTS) if kinds[members[0]] == "input" else least)
    )


def _stars(diagram: Diagram, near: Links) -> Iterator[_Fold]:
    """A box with those that nobody else reads; small ones first, so that none swallows the rest."""
    kinds, parents = {box.id: box.kind for box in diagram.boxes}, diagram.parents()
    found: list[tuple[str, ...]] = []
    for box in (box for box in diagram.boxes if box.kind != "output"):
        only = [
            other
            for other in near.above[box.id]
            if len(near.below[other]) == 1
            and kinds[other] != "input"
            and parents.get(other) == parents.get(box.id)
        ]
        if only:
            found.append((*only, box.id))
    used: set[str] = set()
    for members in sorted(found, key=len):
        if used.isdisjoint(members):
            used.update(members)
            yield _Fold(members, "band")


_GENTLE: tuple[tuple[_Finder, _Need], ...] = (
    (_runs_of_expressions, "depth"),
    (_many_alike, "width"),
    (_long_chains, "depth"),
    (_some_alike, "width"),
    (_short_chains, "depth"),
    (_stars, "boxes"),
)
"""What a reader misses least comes first; a later one is asked only when the earlier ones find nothing."""


def _alike_in_layers(diagram: Diagram, allowed: int) -> Iterator[_Fold]:
    """Boxes of one kind that are equally far down in their frame, in layers of more boxes than are allowed.

    Frames count as one step, so that a path can never leave a frame and come back through a fold.
    """
    kinds = {box.id: box.kind for box in diagram.boxes}
    for near in within(diagram).values():
        ranks = ranked(near)
        across = Counter(ranks.values())
        found: dict[tuple[int, Kind], list[str]] = {}
        for box in (box for box in near.above if box in kinds and kinds[box] != "output"):
            if across[ranks[box]] > allowed:
                found.setdefault((ranks[box], kinds[box]), []).append(box)
        for (_, kind), members in found.items():
            if len(members) >= (_FEW_INPUTS if kind == "input" else 2):
                yield _Fold(tuple(members), "alike")


def _bands(diagram: Diagram, bounds: Limits) -> Iterator[_Fold]:
    """Runs of neighbouring layers of one frame, without frames in them, so few that the whole is within limits."""
    kinds = {box.id: box.kind for box in diagram.boxes}
    depth = max(ranked(links(diagram)).values(), default=0) + 1
    height = -(-depth // (min(bounds.deepest, bounds.boxes) - 2))
    for near in within(diagram).values():
        layers: dict[int, list[str]] = {}
        ranks = ranked(near)
        for member in sorted(near.above, key=ranks.__getitem__):
            if kinds.get(member) not in ("input", "output"):
                layers.setdefault(ranks[member], []).append(member)
        band: list[str] = []
        for count, members in enumerate(layers.values()):
            if count % height == 0 or not all(member in kinds for member in members):
                yield from _band(band)
                band = []
            band += members if all(member in kinds for member in members) else []
        yield from _band(band)


def _band(members: Sequence[str]) -> Iterator[_Fold]:
    if len(members) > 1:
        yield _Fold(tuple(members), "band")


def _contracted(diagram: Diagram, folds: Sequence[_Fold]) -> Diagram:
    """The diagram with each fold as one box, where its first box was."""
    into = {member: fold.members[0] for fold in folds for member in fold.members}
    boxes = {box.id: box for box in diagram.boxes}
    for fold in folds:
        boxes[fold.members[0]] = _one_box([boxes[member] for member in fold.members], fold.how)
    gone = {member for fold in folds for member in fold.members[1:]}
    return replace(
        diagram,
        boxes=tuple(box for id_, box in boxes.items() if id_ not in gone),
        edges=tuple(_joined(diagram.edges, into)),
        groups=tuple(replace(g, members=tuple(m for m in g.members if m not in gone)) for g in diagram.groups),
    )


def _joined(edges: Iterable[Edge], into: dict[str, str]) -> Iterator[Edge]:
    """The edges between what is left, with equal labels once and many labels counted."""
    values: dict[tuple[str, str], dict[str, int]] = {}
    for edge in edges:
        ends = into.get(edge.source, edge.source), into.get(edge.target, edge.target)
        if ends[0] != ends[1]:
            labels = values.setdefault(ends, {})
            labels[edge.label] = labels.get(edge.label, 0) + 1
    changed = set(into.values())
    for (source, target), labels in values.items():
        if len(labels) <= _MOST_LABELS or changed.isdisjoint((source, target)):
            yield from (Edge(source, target, label) for label in labels)
        else:
            yield Edge(source, target, f"{sum(labels.values())} values")


def _one_box(members: Sequence[Box], how: _How) -> Box:
    tally: Counter[Kind] = sum((box.tally for box in members), Counter())
    kind = next(iter(tally)) if len(tally) == 1 else "mixed"
    names = list(dict.fromkeys(box.title for box in members))
    lines = (*((counted(tally),) if len(tally) > 1 else ()), listed(names, _NAMES_SHOWN, len))
    title = _title(members, tally, how)
    return Box(members[0].id, kind, title, "", lines, (), tuple(tally.items()))


def _title(members: Sequence[Box], tally: Counter[Kind], how: _How) -> str:
    count = tally.total()
    if how == "alike" and len({box.title for box in members}) == 1:
        return f"{len(members)} × {members[0].title}"
    if how == "alike" and len(stems := {stem(box.title) for box in members}) == 1:
        return f"{len(members)} × {stems.pop()}"
    if set(tally) == {"expression"}:
        return f"{count} expressions"
    match how:
        case "run" | "chain":
            return f"chain of {count}"
        case "alike":
            return f"{count} × {WORDS[next(iter(tally))][0]}" if len(tally) == 1 else f"{count} side by side"
        case "band":
            return f"{count} boxes"
