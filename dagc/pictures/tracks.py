"""Lines of a terminal shared out among wires: who may run sideways on which line of a gap between two layers.

Channel routing after Hashimoto and Stevens (1971): wires that overlap take different tracks, and where one wire
comes down into the column in which another goes up, it must turn on a track below it.
"""

from collections.abc import Mapping, Sequence

from dagc.pictures.sizes import Bend


class TangledError(Exception):
    """No order of tracks tells the wires apart; the picture has to be drawn in another form."""


def tracks(bends: Sequence[Bend]) -> dict[int, int]:
    """The track, from 0, of every wire that moves sideways. Raises `TangledError` if they wait for each other."""
    spans = {wire: span for wire, span in _spans(bends).items() if span[0] < span[1]}
    before = _before(bends, spans)
    found: dict[int, int] = {}
    ends: list[list[tuple[int, int]]] = []
    left = dict.fromkeys(sorted(spans, key=spans.__getitem__))
    while left:
        wire = next((wire for wire in left if before[wire] <= found.keys()), None)
        if wire is None:
            raise TangledError
        del left[wire]
        track = max((found[other] + 1 for other in before[wire]), default=0)
        while track < len(ends) and any(_overlap(spans[wire], taken) for taken in ends[track]):
            track += 1
        ends += [[] for _ in range(track + 1 - len(ends))]
        ends[track].append(spans[wire])
        found[wire] = track
    return found


def _spans(bends: Sequence[Bend]) -> dict[int, tuple[int, int]]:
    """The first and the last column of every wire."""
    spans: dict[int, tuple[int, int]] = {}
    for bend in bends:
        found = (int(bend.upper_x), int(bend.lower_x), *spans.get(bend.wire, ()))
        spans[bend.wire] = (min(found), max(found))
    return spans


def _before(bends: Sequence[Bend], spans: Mapping[int, tuple[int, int]]) -> dict[int, set[int]]:
    """For each wire those that must turn above it: they start in a column where it ends."""
    starts = {int(bend.upper_x): bend.wire for bend in bends}
    before: dict[int, set[int]] = {wire: set() for wire in spans}
    for bend in bends:
        other = starts.get(int(bend.lower_x), bend.wire)
        if other != bend.wire and bend.wire in spans and other in spans:
            before[bend.wire].add(other)
    return before


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] <= b[1] and b[0] <= a[1]
