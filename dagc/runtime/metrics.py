"""Counters and histograms in Prometheus' text form, at about half a microsecond a request.

All numbers live in one flat array of doubles, and every series has its place from the start: several workers can
then share the array as mapped memory, each with a row of its own, and a scrape adds the rows up. That is also why
status codes and sessions are listed and not made up as they come (prometheus-client's shared files cost 4.9 us).
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, MutableSequence, Sequence
from dataclasses import dataclass, field

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
NODE_SECONDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
# 499: the client was gone before its answer, as nginx counts it.
CODES = (200, 204, 400, 404, 405, 408, 413, 415, 417, 422, 431, 499, 500, 501, 503, 504)
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Counter:
    """One number per series; also used for gauges, which may fall."""

    name: str
    text: str
    kind: str
    values: MutableSequence[float]
    hides_zeros: bool = False
    series: dict[Labels, int] = field(default_factory=dict)

    def place(self, *labels: tuple[str, str]) -> int:
        """Where the series of these labels lies in the array; made on first sight."""
        return self.series.get(labels) or self.series.setdefault(labels, _room(self.values, 1))

    def lines(self) -> Iterator[str]:
        """The family in text form."""
        yield f"# HELP {self.name} {self.text}"
        yield f"# TYPE {self.name} {self.kind}"
        for labels, at in self.series.items():
            if self.values[at] or not self.hides_zeros:
                yield f"{self.name}{_braces(labels)} {_number(self.values[at])}"


@dataclass(slots=True)
class Histogram:
    """For each series: one place per bucket (not cumulative), one for what lies beyond, one for the sum."""

    name: str
    text: str
    bounds: tuple[float, ...]
    values: MutableSequence[float]
    series: dict[Labels, int] = field(default_factory=dict)

    def place(self, *labels: tuple[str, str]) -> int:
        """Where the first bucket of this series lies; made on first sight."""
        return self.series.get(labels) or self.series.setdefault(labels, _room(self.values, len(self.bounds) + 2))

    def observe(self, at: int, value: float) -> None:
        """Counts a value in the series that begins at `at`."""
        values = self.values
        values[at + bisect_left(self.bounds, value)] += 1.0
        values[at + len(self.bounds) + 1] += value

    def lines(self) -> Iterator[str]:
        """The family in text form, buckets cumulative."""
        yield f"# HELP {self.name} {self.text}"
        yield f"# TYPE {self.name} histogram"
        for labels, at in self.series.items():
            count = 0.0
            for index, bound in enumerate((*map(_number, self.bounds), "+Inf")):
                count += self.values[at + index]
                yield f"{self.name}_bucket{_braces((*labels, ('le', bound)))} {_number(count)}"
            yield f"{self.name}_sum{_braces(labels)} {_number(self.values[at + len(self.bounds) + 1])}"
            yield f"{self.name}_count{_braces(labels)} {_number(count)}"


@dataclass(slots=True)
class Meter:
    """Counts the answers of one route."""

    codes: dict[int, int]
    other: int
    at: int
    values: MutableSequence[float]

    def answered(self, status: int, seconds: float) -> None:
        """Counts one answer and how long it took."""
        values, at = self.values, self.at
        values[self.codes.get(status, self.other)] += 1.0
        values[at + bisect_left(SECONDS, seconds)] += 1.0
        values[at + len(SECONDS) + 1] += seconds


class Metrics:
    """The numbers of one worker; also the observer a service tells about batches, queues and refusals."""

    def __init__(self, routes: Sequence[str], sessions: Sequence[str] = ()) -> None:
        # Place 0 is never given out, so that `place` can treat 0 as "not yet".
        self._values: MutableSequence[float] = array("d", [0.0])
        v = self._values
        self.requests = Counter("dagc_requests_total", "answers by route, status", "counter", v, hides_zeros=True)
        self.seconds = Histogram("dagc_request_seconds", "from the last byte in to the answer out", SECONDS, v)
        self.inflight = Counter("dagc_inflight", "requests accepted and not yet answered", "gauge", v)
        self.queue = Counter("dagc_queue_depth", "runs waiting for a session", "gauge", v)
        self.shed_total = Counter("dagc_shed_total", "requests refused to protect the others", "counter", v)
        self.late = Counter("dagc_deadline_exceeded_total", "requests whose deadline passed", "counter", v)
        self.rows = Histogram("dagc_batch_size", "rows in one run of a session", ROWS, v)
        self.nodes = Histogram("dagc_node_seconds", "one run of a session or step", NODE_SECONDS, v)
        self._inflight_at = self.inflight.place()
        self._queue_at = self.queue.place()
        self.meters = {route: self._meter(route) for route in (*routes, "other")}
        for session in sessions:
            self.rows.place(("session", session))
            self.nodes.place(("node", session))

    def text(self) -> bytes:
        """The whole scrape, Prometheus text format 0.0.4."""
        families = (
            self.requests,
            self.seconds,
            self.inflight,
            self.queue,
            self.shed_total,
            self.late,
            self.rows,
            self.nodes,
        )
        return "".join(f"{line}\n" for family in families for line in family.lines()).encode()

    def shed(self, reason: str) -> None:
        """One request was turned away because of `reason`."""
        self._values[self.shed_total.place(("reason", reason))] += 1.0

    def deadline(self, stage: str) -> None:
        """The deadline of one request had passed at `stage`."""
        self._values[self.late.place(("stage", stage))] += 1.0

    def batch(self, session: str, size: int, seconds: float) -> None:
        """A session ran `size` rows in `seconds`."""
        self.rows.observe(self.rows.place(("session", session)), size)
        self.nodes.observe(self.nodes.place(("node", session)), seconds)

    def in_flight(self, change: int) -> None:
        """So many more (or fewer) requests are accepted and not answered."""
        self._values[self._inflight_at] += change

    def queue_depth(self, depth: int) -> None:
        """So many runs wait for a session."""
        self._values[self._queue_at] = float(depth)

    def _meter(self, route: str) -> Meter:
        codes = {code: self.requests.place(("route", route), ("code", str(code))) for code in CODES}
        other = self.requests.place(("route", route), ("code", "other"))
        return Meter(codes, other, self.seconds.place(("route", route)), self._values)


def _room(values: MutableSequence[float], places: int) -> int:
    at = len(values)
    values.extend([0.0] * places)
    return at


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
