"""Events that a service may count, beside what every service does: one series for each thing that may happen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .settings import EndpointSettings, NodeSettings


@dataclass(frozen=True, slots=True)
class Family:
    """A metric of events: its name, what it counts and its labels."""

    name: str
    text: str
    labels: tuple[str, ...]


FAMILIES = (
    Family("dagc_fallbacks_total", "answers a backup gave", ("node",)),
    Family("dagc_quorum_total", "quorums by how many members answered", ("node", "answered")),
    Family("dagc_shadow_total", "challengers by what came of them", ("node", "outcome")),
    Family("dagc_retries_total", "second attempts at steps by what came of them", ("edge", "outcome")),
)

Event = tuple[str, ...]
"""A family and the values of its labels."""


def events(endpoints: Sequence[EndpointSettings]) -> tuple[Event, ...]:
    """Every event that may happen at the nodes of the endpoints, once each."""
    return tuple(dict.fromkeys(event for each in endpoints for node in each.nodes for event in _events(node)))


def _events(node: NodeSettings) -> Iterator[Event]:
    match node.kind:
        case "fallback":
            yield ("dagc_fallbacks_total", node.name)
        case "quorum":
            for answered in range(node.members + 1):
                yield ("dagc_quorum_total", node.name, str(answered))
        case "shadow":
            for outcome in ("same", "different", "failed", "dropped"):
                yield ("dagc_shadow_total", node.name, outcome)
        case "retry":
            for outcome in ("answered", "failed", "over_budget"):
                yield ("dagc_retries_total", node.name, outcome)
