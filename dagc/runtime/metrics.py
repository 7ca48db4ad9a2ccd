"""Counters and histograms in Prometheus' text form, at about half a microsecond a request.

All numbers live in one array of doubles in memory that every worker sees, with a row for each, and a scrape of any
worker adds the rows up. Every series has its place from the start: that is why status codes, sessions and reasons
are listed and not made up as they come (prometheus-client's shared files cost 4.9 us a request).
"""

import mmap
import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .events import FAMILIES, STATES, TIMED, Event
from .observer import TURN

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
NODE_SECONDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
ROWS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
# 499: the client was gone before its answer, as nginx counts it.
CODES = (200, 204, 400, 401, 403, 404, 405, 408, 413, 415, 417, 422, 431, 499, 500, 501, 503, 504)
REASONS = ("queue_full", "too_late", "connections", "steps_full")
STAGES = ("accept", "dequeue", "session", "waiting")
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

Numbers: TypeAlias = "memoryview[float]"
"""A row of doubles; one worker writes it, all read it."""

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Counter:
    """One number per series; also used for gauges, which may fall. `series` says where each lies in a row."""

    name: str
    text: str
    kind: str
    series: dict[Labels, int]
    hides_zeros: bool = False

    def lines(self, values: Sequence[float]) -> Iterator[str]:
        """The family in text form."""
        yield f"# HELP {self.name} {self.text}"
        yield f"# TYPE {self.name} {self.kind}"
        for labels, at in self.series.items():
            if values[at] or not self.hides_zeros:
                yield f"{self.name}{_braces(labels)} {_number(values[at])}"


@dataclass(frozen=True, slots=True)
class Histogram:
    """For each series: one place per bucket (not cumulative), one for what lies beyond, one for the sum."""

    name: str
    text: str
    bounds: tuple[float, ...]
    series: dict[Labels, int]

    def observe(self, values: Numbers, at: int, value: float) -> None:
        """Counts a value in the series that begins at `at`."""
        values[at + bisect_left(self.bounds, value)] += 1.0
        values[at + len(self.bounds) + 1] += value

    def lines(self, values: Sequence[float]) -> Iterator[str]:
        """The family in text form, buckets cumulative."""
        yield f"# HELP {self.name} {self.text}"
        yield f"# TYPE {self.name} histogram"
        for labels, at in self.series.items():
            count = 0.0
            for index, bound in enumerate((*map(_number, self.bounds), "+Inf")):
                count += values[at + index]
                yield f"{self.name}_bucket{_braces((*labels, ('le', bound)))} {_number(count)}"
            yield f"{self.name}_sum{_braces(labels)} {_number(values[at + len(self.bounds) + 1])}"
            yield f"{self.name}_count{_braces(labels)} {_number(count)}"


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts the answers of one route."""

    codes: dict[int, int]
    other: int
    at: int
    values: Numbers

    def answered(self, status: int, seconds: float) -> None:
        """Counts one answer and how long it took."""
        values, at = self.values, self.at
        values[self.codes.get(status, self.other)] += 1.0
        values[at + bisect_left(SECONDS, seconds)] += 1.0
        values[at + len(SECONDS) + 1] += seconds


class Metrics:
    """The numbers of all workers, and the observer that one of them tells about batches, queues and refusals.

    Made before the workers are forked; each takes its row with `take`. `memory` is a file that workers share which
    were not forked from one process.
    """

    def __init__(
        self,
        routes: Sequence[str],
        sessions: Sequence[str] = (),
        parts: Sequence[str] = (),
        events: Sequence[Event] = (),
        *,
        workers: int = 1,
        memory: int = -1,
    ) -> None:
        self._routes = (*routes, "other")
        self._width = 0
        codes = [(("route", route), ("code", str(code))) for route in self._routes for code in (*CODES, "other")]
        by_route, by_node = _each("route", self._routes), _each("node", (*sessions, *parts))
        # Only of these are those that never happened left out: of 19 codes a route most never do. All others are 0
        # from the start, as Prometheus asks, whose `rate` does not see the first step of a series.
        places = self._places(codes, 1)
        self.requests = Counter(
            "dagc_requests_total", "answers by route, status", "counter", places, hides_zeros=True
        )
        self.seconds = self._histogram(
            "dagc_request_seconds", "from the last byte in to the answer out", SECONDS, by_route
        )
        self.inflight = self._counter("dagc_inflight", "requests accepted and not yet answered", "gauge", [()])
        self.queue = self._counter("dagc_queue_depth", "runs waiting for a session", "gauge", [()])
        self.shed_total = self._counter(
            "dagc_shed_total", "requests refused to protect the others", "counter", _each("reason", REASONS)
        )
        self.late = self._counter(
            "dagc_deadline_exceeded_total", "requests whose deadline passed", "counter", _each("stage", STAGES)
        )
        self.rows = self._histogram(
            "dagc_batch_size", "rows in one run of a session", ROWS, _each("session", sessions)
        )
        text = "one run of a session; of steps and JSON, what was timed: one turn of the loop in DAGC_TIMED_EVERY"
        self.nodes = self._histogram("dagc_node_seconds", text, NODE_SECONDS, by_node)
        self.waits = self._histogram(
            "dagc_queue_seconds",
            "the oldest of a batch until its thread is free; `turn`: a request until its turn, timed as steps are",
            NODE_SECONDS,
            _each("queue", (TURN, *sessions)),
        )
        self.restarts = self._counter(
            "dagc_worker_restarts_total", "workers that died and were replaced", "counter", [()]
        )
        self.events = tuple(
            self._counter(family.name, family.text, "counter", _labelled(family.labels, events, family.name))
            for family in FAMILIES
            if any(event[0] == family.name for event in events)
        )
        self.timed = tuple(
            self._histogram(family.name, family.text, SECONDS, _labelled(family.labels, events, family.name))
            for family in TIMED
            if any(event[0] == family.name for event in events)
        )
        self.states = tuple(
            self._counter(family.name, family.text, "gauge", _labelled(family.labels, events, family.name))
            for family in STATES
            if any(event[0] == family.name for event in events)
        )
        size = 8 * self._width * workers
        if memory >= 0:
            os.ftruncate(memory, size)
        numbers = memoryview(mmap.mmap(memory, size)).cast("d")
        self._table = [numbers[at : at + self._width] for at in range(0, len(numbers), self._width)]
        self._gauges = (self.inflight.series[()], self.queue.series[()])
        self._sessions = {
            name: (self.rows.series[(("session", name),)], self.nodes.series[(("node", name),)])
            for name in sessions
        }
        foreseen: tuple[Counter | Histogram, ...] = (*self.events, *self.timed, *self.states)
        self._places_of_events: dict[Event, int] = {
            (family.name, *(value for _, value in labels)): at
            for family in foreseen
            for labels, at in family.series.items()
        }
        self._parts = {name: self.nodes.series[(("node", name),)] for name in parts}
        self._queues = {name: self.waits.series[(("queue", name),)] for name in (TURN, *sessions)}
        self.take(0)

    def take(self, worker: int) -> None:
        """From now on this process counts in the row of `worker`."""
        self._values = self._table[worker]
        self.meters = {route: self._meter(route) for route in self._routes}

    def replaced(self, worker: int) -> None:
        """A worker died: what it held is gone, what it counted stays."""
        row = self._table[worker]
        for at in (*self._gauges, *(at for state in self.states for at in state.series.values())):
            row[at] = 0.0
        row[self.restarts.series[()]] += 1.0

    def text(self) -> bytes:
        """The whole scrape, Prometheus text format 0.0.4."""
        families: tuple[Counter | Histogram, ...] = (
            self.requests,
            self.seconds,
            self.inflight,
            self.queue,
            self.shed_total,
            self.late,
            self.rows,
            self.nodes,
            self.waits,
            self.restarts,
            *self.events,
            *self.timed,
            *self.states,
        )
        totals = [sum(column) for column in zip(*self._table, strict=True)]
        for at in (at for state in self.states for at in state.series.values()):
            totals[at] = max(row[at] for row in self._table)
        return "".join(f"{line}\n" for family in families for line in family.lines(totals)).encode()

    def shed(self, reason: str) -> None:
        """One request was turned away because of `reason`, one of `REASONS`."""
        self._values[self.shed_total.series[(("reason", reason),)]] += 1.0

    def deadline(self, stage: str) -> None:
        """The deadline of one request had passed at `stage`, one of `STAGES`."""
        self._values[self.late.series[(("stage", stage),)]] += 1.0

    def batch(self, session: str, size: int, seconds: float) -> None:
        """A session ran `size` rows in `seconds`."""
        rows, nodes = self._sessions[session]
        self.rows.observe(self._values, rows, size)
        self.nodes.observe(self._values, nodes, seconds)

    def part(self, node: str, seconds: float) -> None:
        """A step, or reading or writing JSON, took so long."""
        self.nodes.observe(self._values, self._parts[node], seconds)

    def waited(self, queue: str, seconds: float) -> None:
        """A batch waited for its session, or a request for its turn."""
        self.waits.observe(self._values, self._queues[queue], seconds)

    def event(self, family: str, *labels: str) -> None:
        """One of the foreseen events has happened."""
        self._values[self._places_of_events[(family, *labels)]] += 1.0

    def took(self, family: str, seconds: float, *labels: str) -> None:
        """Something that was asked of another took so long."""
        at = self._places_of_events[(family, *labels)]
        self._values[at + bisect_left(SECONDS, seconds)] += 1.0
        self._values[at + len(SECONDS) + 1] += seconds

    def stands(self, family: str, state: int, *labels: str) -> None:
        """Something is in this state now."""
        self._values[self._places_of_events[(family, *labels)]] = float(state)

    def in_flight(self, change: int) -> None:
        """So many more (or fewer) requests are accepted and not answered."""
        self._values[self._gauges[0]] += change

    def queue_depth(self, depth: int) -> None:
        """So many runs wait for a session."""
        self._values[self._gauges[1]] = float(depth)

    def _meter(self, route: str) -> Meter:
        places = self.requests.series
        codes = {code: places[(("route", route), ("code", str(code)))] for code in CODES}
        other = places[(("route", route), ("code", "other"))]
        return Meter(codes, other, self.seconds.series[(("route", route),)], self._values)

    def _counter(self, name: str, text: str, kind: str, series: Sequence[Labels]) -> Counter:
        return Counter(name, text, kind, self._places(series, 1))

    def _histogram(self, name: str, text: str, bounds: tuple[float, ...], series: Sequence[Labels]) -> Histogram:
        return Histogram(name, text, bounds, self._places(series, len(bounds) + 2))

    def _places(self, series: Iterable[Labels], width: int) -> dict[Labels, int]:
        first = self._width
        places = {labels: first + index * width for index, labels in enumerate(series)}
        self._width += len(places) * width
        return places


def _labelled(labels: Sequence[str], events: Sequence[Event], family: str) -> list[Labels]:
    return [tuple(zip(labels, event[1:], strict=True)) for event in events if event[0] == family]


def _each(label: str, values: Sequence[str]) -> list[Labels]:
    return [((label, value),) for value in values]


def _braces(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
