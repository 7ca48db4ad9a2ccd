"""Events that a service may count, beside what every service does: one series for each thing that may happen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .settings import EndpointSettings, NodeSettings, PartSettings, SessionSettings


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
    Family("dagc_resource_failures_total", "calls of resources that failed, by why", ("resource", "reason")),
    Family(
        "dagc_model_reloads_total", "models that were to be replaced, by what came of it", ("session", "outcome")
    ),
)
BLOCKED = "dagc_loop_blocked_seconds"
UNKNOWN = "unknown"
"""What held the loop was not seen: it was no step, or let no other thread look."""

TIMED = (
    Family("dagc_resource_seconds", "calls of resources, by what was asked", ("resource", "operation")),
    Family(BLOCKED, "how long the event loop stood still, by what held it, above 0.05 s", ("node",)),
)
"""What is measured in seconds."""

STATES = (Family("dagc_breaker_state", "0 closed, 1 half open, 2 open; the highest of all workers", ("edge",)),)
"""What has states, as numbers."""

OUTCOMES = ("replaced", "refused")
"""What comes of a new model: it serves, or the one before it goes on."""

Event = tuple[str, ...]
"""A family and the values of its labels."""


def events(endpoints: Sequence[EndpointSettings | PartSettings]) -> tuple[Event, ...]:
    """Every event that may happen at the nodes of the endpoints, once each."""
    return tuple(dict.fromkeys(event for each in endpoints for node in each.nodes for event in _events(node)))


def reloads(sessions: Sequence[SessionSettings]) -> tuple[Event, ...]:
    """What may come of new files for the models that may be replaced."""
    names = [each.name for each in sessions if each.reload is not None]
    return tuple(("dagc_model_reloads_total", name, outcome) for name in names for outcome in OUTCOMES)


def holders(nodes: Sequence[str]) -> tuple[Event, ...]:
    """What may hold the loop: steps, sessions, reading and writing."""
    return tuple((BLOCKED, node) for node in (*nodes, UNKNOWN))


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
