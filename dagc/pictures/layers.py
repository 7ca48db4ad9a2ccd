"""Boxes in layers, wires cut into strands between neighbouring layers, and an order with few crossings.

After Sugiyama, Tagawa and Toda (1981): longest-path layers, dummies for long wires, barycentre sweeps. A wire is
one trunk that forks as late as it can, so a value with many readers costs one dummy a layer and not one for each.
"""

from bisect import bisect_right, insort
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from dagc.pictures.diagram import Links, ranked
from dagc.pictures.sizes import Extent

_SWEEPS = 12
_FEW_SWEEPS = 4
_MANY_STRANDS = 3000


@dataclass(frozen=True, slots=True)
class End:
    """Where a wire meets an item: `offset` from the middle of it, for frames, whose ports have their places."""

    item: str
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class Wire:
    """A value from one item to the items that read it; `label` is the room its text takes, if it shows one."""

    start: End
    ends: tuple[End, ...]
    label: Extent | None


@dataclass(frozen=True, slots=True)
class Strand:
    """A piece of a wire between two neighbouring layers."""

    wire: int
    upper: End
    lower: End


@dataclass(slots=True)
class Layers:
    """Items row by row in drawing order; `strands[i]` go from row i to row i + 1.

    Boxes stand in even rows, labels in odd ones. `labels` maps a wire to the item that shows its text, `lanes` are
    the items that only hold a place for a passing wire.
    """

    extents: dict[str, Extent]
    rows: list[list[str]]
    strands: list[list[Strand]]
    labels: dict[int, str] = field(default_factory=dict)
    lanes: set[str] = field(default_factory=set)


def layered(
    extents: Mapping[str, Extent],
    wires: Sequence[Wire],
    *,
    top: Collection[str],
    bottom: Collection[str],
    lane: float,
) -> Layers:
    """The items in layers, `top` ones first and `bottom` ones last, wires threaded and crossings reduced."""
    ranks = _ranks(extents, wires, top, bottom)
    count = 2 * max(ranks.values(), default=0) + 1
    layers = Layers(dict(extents), [[] for _ in range(count)], [[] for _ in range(count - 1)])
    for item, rank in ranks.items():
        layers.rows[2 * rank].append(item)
    for number, wire in enumerate(wires):
        _thread(layers, number, wire, ranks, lane)
    _order(layers)
    return layers


def _ranks(
    extents: Mapping[str, Extent], wires: Sequence[Wire], top: Collection[str], bottom: Collection[str]
) -> dict[str, int]:
    near = Links({item: {} for item in extents}, {item: {} for item in extents})
    for wire in wires:
        for end in wire.ends:
            near.below[wire.start.item][end.item] = None
            near.above[end.item][wire.start.item] = None
    free = [item for item in extents if not near.above[item] and item not in top]
    for first in list(top)[:1]:  # nothing but the top stands beside the top
        for item in free:
            near.below[first][item] = None
            near.above[item][first] = None
    found = ranked(near)
    for item in free:  # what needs no input waits until just before it is read
        if near.below[item]:
            found[item] = min(found[reader] for reader in near.below[item]) - 1
    last = max((rank for item, rank in found.items() if item not in bottom), default=-1) + 1
    return {item: last if item in bottom else found[item] for item in extents}


def _thread(layers: Layers, number: int, wire: Wire, ranks: Mapping[str, int], lane: float) -> None:
    """Put the wire's label below its start and a lane into every row it passes, each strand one row long."""
    row = 2 * ranks[wire.start.item]
    readers: dict[int, list[End]] = {}
    for end in wire.ends:
        readers.setdefault(2 * ranks[end.item], []).append(end)
    upper = wire.start
    while row < max(readers):
        for end in readers.get(row + 1, ()):
            layers.strands[row].append(Strand(number, upper, end))
        if row + 1 < max(readers):
            passing = f"wire {number} row {row + 1}"
            is_label = wire.label is not None and number not in layers.labels
            layers.extents[passing] = wire.label if is_label and wire.label else Extent(lane, 0)
            if is_label:
                layers.labels[number] = passing
            else:
                layers.lanes.add(passing)
            layers.rows[row + 1].append(passing)
            layers.strands[row].append(Strand(number, upper, End(passing)))
            upper = End(passing)
        row += 1


def _order(layers: Layers) -> None:
    """Sort every row by where its neighbours stand, down and up, and keep the order with the fewest crossings."""
    best, fewest = [list(row) for row in layers.rows], _crossings(layers)
    strands = sum(map(len, layers.strands))
    for sweep in range(_FEW_SWEEPS if strands > _MANY_STRANDS else _SWEEPS):
        if not fewest:
            break
        rows = range(1, len(layers.rows)) if sweep % 2 == 0 else range(len(layers.rows) - 2, -1, -1)
        for row in rows:
            _sort(layers, row, downwards=sweep % 2 == 0)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(row) for row in layers.rows], crossings
    layers.rows[:] = best


def _sort(layers: Layers, row: int, *, downwards: bool) -> None:
    """Sort one row by the mean place of its neighbours in the row before (or behind) it."""
    fixed = _places(layers, row - 1 if downwards else row + 1)
    sums: dict[str, list[float]] = {item: [] for item in layers.rows[row]}
    for strand in layers.strands[row - 1 if downwards else row]:
        own, other = (strand.lower, strand.upper) if downwards else (strand.upper, strand.lower)
        sums[own.item].append(_place(layers, fixed, other) - _inside(layers, own))
    own_places = _places(layers, row)
    means = {item: sum(found) / len(found) if found else own_places[item] for item, found in sums.items()}
    layers.rows[row].sort(key=means.__getitem__)


def _crossings(layers: Layers) -> int:
    return sum(_crossings_between(layers, row) for row in range(len(layers.strands)))


def _crossings_between(layers: Layers, row: int) -> int:
    """Inversions among the strands below a row, by insertion into a sorted list."""
    uppers, lowers = _places(layers, row), _places(layers, row + 1)
    ends = sorted(
        (_place(layers, uppers, strand.upper), _place(layers, lowers, strand.lower))
        for strand in layers.strands[row]
    )
    seen: list[float] = []
    crossings = 0
    for _, lower in ends:
        crossings += len(seen) - bisect_right(seen, lower)
        insort(seen, lower)
    return crossings


def _places(layers: Layers, row: int) -> dict[str, int]:
    return {item: place for place, item in enumerate(layers.rows[row])}


def _place(layers: Layers, places: Mapping[str, int], end: End) -> float:
    return places[end.item] + _inside(layers, end)


def _inside(layers: Layers, end: End) -> float:
    """Where in its item a wire ends, between -0.5 and 0.5 of the item's width."""
    return end.offset / (layers.extents[end.item].width or 1)
