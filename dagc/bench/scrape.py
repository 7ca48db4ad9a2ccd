"""A service's own numbers, read from its `/metrics` before and after a load: where the time went."""

import re
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from dagc.bench.key import authorization

_LINE = re.compile(r"^(\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_NAMES = ("node", "session", "queue")
_FAMILIES = {"dagc_node_seconds": "", "dagc_queue_seconds": "waiting for "}
_TIMEOUT_S = 10.0

Numbers = Mapping[tuple[str, str], float]
"""Values by name and by the one label that matters here: of a node, a session, a queue, or none."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the service during a load: calls that were timed, and their mean."""

    name: str
    calls: int
    mean_ms: float


def scrape(address: str) -> Numbers:
    """What `/metrics` of the service at `address` says now; nothing when it has none.

    Raises:
        OSError: nothing answers there.
    """
    try:
        asked = urllib.request.Request(f"{address}/metrics", headers=dict(authorization()))
        with urllib.request.urlopen(asked, timeout=_TIMEOUT_S) as answer:
            text = answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError:
        return {}
    found = {}
    for name, labels, value in _LINE.findall(text):
        names = dict(_LABEL.findall(labels))
        if "le" not in names:
            found[name, next((names[label] for label in _NAMES if label in names), "")] = float(value)
    return found


def parts(before: Numbers, after: Numbers) -> tuple[Part, ...]:
    """The parts whose calls were timed between two scrapes, the costliest first."""
    found = []
    for family, what in _FAMILIES.items():
        for node in [node for name, node in after if name == f"{family}_count"]:
            calls, seconds = (
                after[name, node] - before.get((name, node), 0.0) for name in (f"{family}_count", f"{family}_sum")
            )
            if calls > 0:
                found.append((seconds, Part(f"{what}{node}", int(calls), 1000 * seconds / calls)))
    return tuple(part for _, part in sorted(found, key=lambda each: -each[0]))


def mean_rows(before: Numbers, after: Numbers) -> dict[str, float]:
    """Examples a run, by session, between two scrapes."""
    found = {}
    for name, session in after:
        if name == "dagc_batch_size_count":
            runs = after[name, session] - before.get((name, session), 0.0)
            total = "dagc_batch_size_sum"
            if runs > 0:
                found[session] = (after[total, session] - before.get((total, session), 0.0)) / runs
    return found
