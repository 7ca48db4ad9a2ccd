"""Where the items of ordered layers stand from left to right: near their neighbours, never on each other.

Each layer in turn is moved to the least-squares place between its neighbours. With a fixed order that is isotonic
regression, which pooling adjacent violators solves exactly in linear time (Barlow and others, 1972). Long wires
and chains are then made straight where there is room, and the rest settles around them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dagc.pictures.layers import End, Layers

_ROUNDS = 24
_STRAIGHTENINGS = 6
_LANE_WEIGHT = 6.0  # against 1 of a box: long wires stay straight, boxes give way
_PINNED = 1e6
_REST = 1e-3  # the pull to where an item already is; all there is for one without neighbours


_Trunk = list[tuple[str, float]]
"""Items that should stand in line, each with how far its middle is from that line."""


@dataclass(frozen=True, slots=True)
class _Pull:
    """A neighbour that an item would like to stand below or above, or beside the label of their wire."""

    item: str
    offset: float
    weight: float
    label: str | None = None


def middles(layers: Layers, between: float) -> dict[str, float]:
    """The x of the middle of every item."""
    return _Solver(layers, between).middles()


def spread(
    wanted: Sequence[float],
    gaps: Sequence[float],
    weights: Sequence[float] | None = None,
    bounds: tuple[float, float] | None = None,
) -> list[float]:
    """Places in the same order, as near to the wanted ones as it goes, with at least `gaps[i]` after the i-th.

    Within `bounds`, if given; these must leave room for all gaps.
    """
    shifts = [0.0]
    for gap in gaps:
        shifts.append(shifts[-1] + gap)
    pools: list[tuple[float, float, int]] = []  # value, weight, members
    for index, place in enumerate(wanted):
        value, weight, members = place - shifts[index], weights[index] if weights else 1.0, 1
        while pools and pools[-1][0] >= value:
            before, heavy, count = pools.pop()
            value = (value * weight + before * heavy) / (weight + heavy)
            weight, members = weight + heavy, members + count
        pools.append((value, weight, members))
    flat = [value for value, _, members in pools for _ in range(members)]
    if bounds is not None:
        low, high = bounds[0], bounds[1] - shifts[len(flat) - 1]
        flat = [min(max(value, low), max(low, high)) for value in flat]
    return [value + shift for value, shift in zip(flat, shifts, strict=False)]


class _Solver:
    """The rows of one frame with the places found so far."""

    def __init__(self, layers: Layers, between: float) -> None:
        self._rows = layers.rows
        self._gaps = [_gaps(layers, row, between) for row in layers.rows]
        self._ups, self._downs = _pulls(layers)
        self._trunks = _trunks(layers)
        self._pinned = {item for trunk in self._trunks for item, _ in trunk}
        self._spots = {item: (row, at) for row, items in enumerate(self._rows) for at, item in enumerate(items)}
        self._x: dict[str, float] = {}
        for row, gaps in zip(self._rows, self._gaps, strict=True):
            self._x |= zip(row, spread([0.0] * len(row), gaps), strict=True)

    def middles(self) -> dict[str, float]:
        """The places after all rounds."""
        rows = range(len(self._rows))
        for turn in range(_ROUNDS):
            down = turn % 2 == 0
            both = turn >= _ROUNDS - 4  # at the end both sides have their say
            for row in rows if down else reversed(rows):
                self._settle(row, above=down or both, below=both or not down, pinned=False)
        for turn in range(_STRAIGHTENINGS):
            for row in rows if turn % 2 == 0 else reversed(rows):
                self._settle(row, above=True, below=True, pinned=turn > 0)
            self._straighten(rightwards=turn % 2 == 0)
        return self._x

    def _settle(self, row: int, *, above: bool, below: bool, pinned: bool) -> None:
        """Move one row to where its neighbours pull it; when `pinned`, lanes and chains stay."""
        items = self._rows[row]
        wanted, weights = [], []
        for item in items:
            stays = pinned and item in self._pinned
            pulls = [*(self._ups[item] if above else ()), *(self._downs[item] if below else ())]
            rest = _PINNED if stays else _REST
            total = sum(pull.weight for pull in pulls) + rest
            pulled = sum(
                (self._x[pull.item] + pull.offset - self._aside(pull, item)) * pull.weight for pull in pulls
            )
            wanted.append((pulled + self._x[item] * rest) / total)
            weights.append(total)
        self._x |= zip(items, spread(wanted, self._gaps[row], weights), strict=True)

    def _aside(self, pull: _Pull, item: str) -> float:
        """How far the label that stands between two neighbours is to the right of the upper one."""
        return self._x[pull.label] - self._x[item] if pull.label is not None else 0.0

    def _straighten(self, *, rightwards: bool) -> None:
        """Give as many items in line as possible one x, those on one side first."""
        for trunk in sorted(self._trunks, key=lambda trunk: self._x[trunk[0][0]], reverse=rightwards):
            at = 0
            while at < len(trunk):
                at = self._straighten_from(trunk, at)

    def _straighten_from(self, trunk: _Trunk, first: int) -> int:
        """Align the longest run of items from the first one on that has a common free x; the index behind it."""
        low, high = float("-inf"), float("inf")
        last = first
        for item, shift in trunk[first:]:
            least, most = self._free(item)
            if max(low, least - shift) > min(high, most - shift):
                break
            low, high = max(low, least - shift), min(high, most - shift)
            last += 1
        run = trunk[first:last]
        wanted = self._between(run)
        for item, shift in run:
            self._x[item] = min(max(wanted, low), high) + shift
        return last

    def _between(self, run: _Trunk) -> float:
        """Where the neighbours of a straight run of items would have it."""
        inside = {item for item, _ in run}
        total, pulled = _REST, (self._x[run[0][0]] - run[0][1]) * _REST
        for item, shift in run:
            for pull in (pull for pull in (*self._ups[item], *self._downs[item]) if pull.item not in inside):
                total += pull.weight
                wanted = self._x[pull.item] + pull.offset - self._aside(pull, item)
                pulled += (wanted - shift) * pull.weight
        return pulled / total

    def _free(self, item: str) -> tuple[float, float]:
        """How far an item can move between its neighbours in the row."""
        row, place = self._spots[item]
        items, gaps = self._rows[row], self._gaps[row]
        low = self._x[items[place - 1]] + gaps[place - 1] if place else float("-inf")
        high = self._x[items[place + 1]] - gaps[place] if place + 1 < len(items) else float("inf")
        return min(low, self._x[item]), max(high, self._x[item])  # rounding aside, it stands where it may stand


def _gaps(layers: Layers, row: Sequence[str], between: float) -> list[float]:
    """The least distances between the middles of neighbours; lanes may stand closer to each other than boxes."""
    widths = [layers.extents[item].width for item in row]
    near = [between / 2 if item in layers.lanes else between for item in row]
    pairs = zip(range(len(row)), range(1, len(row)), strict=False)
    return [(widths[a] + widths[b]) / 2 + min(near[a], near[b]) for a, b in pairs]


def _pulls(layers: Layers) -> tuple[dict[str, list[_Pull]], dict[str, list[_Pull]]]:
    """What pulls each item up and down. The fewer wires an item has on a side, the stronger each of them is.

    A label only follows the box above it, and that box is pulled by whom the label's wire goes to: so the two stay
    together, and wires bend below labels.
    """
    sources: dict[str, End] = {}
    labels = set(layers.labels.values())
    ups: dict[str, list[_Pull]] = {item: [] for row in layers.rows for item in row}
    downs: dict[str, list[_Pull]] = {item: [] for row in layers.rows for item in row}
    for strands in layers.strands:
        leaving = Counter(strand.upper.item for strand in strands)
        entering = Counter(strand.lower.item for strand in strands)
        for upper, lower in ((strand.upper, strand.lower) for strand in strands):
            weight = 1 / (leaving[upper.item] * entering[lower.item]) ** 2
            if upper.item in layers.lanes and lower.item in layers.lanes:
                weight = _LANE_WEIGHT
            ups[lower.item].append(_Pull(upper.item, upper.offset - lower.offset, weight))
            if lower.item in labels:
                sources[lower.item] = upper
            elif upper.item in labels:
                source = sources[upper.item]
                downs[source.item].append(_Pull(lower.item, lower.offset, weight, upper.item))
            else:
                downs[upper.item].append(_Pull(lower.item, lower.offset - upper.offset, weight))
    return ups, downs


def _trunks(layers: Layers) -> list[_Trunk]:
    """Items that should stand in line, from above to below: a wire's lanes, and what only follows each other."""
    following: dict[str, tuple[str, float]] = {}
    for strands in layers.strands:
        leaving = Counter(strand.upper.item for strand in strands)
        entering = Counter(strand.lower.item for strand in strands)
        for upper, lower in ((strand.upper, strand.lower) for strand in strands):
            only = leaving[upper.item] == entering[lower.item] == 1
            if only or (upper.item in layers.lanes and lower.item in layers.lanes):
                following[upper.item] = (lower.item, upper.offset - lower.offset)
    inner = {item for item, _ in following.values()}
    trunks: list[_Trunk] = []
    for start in (item for row in layers.rows for item in row if item not in inner):
        if start in following or start in layers.lanes:
            trunk = [(start, 0.0)]
            while trunk[-1][0] in following:
                item, aside = following[trunk[-1][0]]
                trunk.append((item, trunk[-1][1] + aside))
            trunks.append(trunk)
    return trunks
