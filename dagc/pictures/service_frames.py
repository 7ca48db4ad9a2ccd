"""Frames around what other services run, so that a cut is seen at a glance: their boxes also say it in words."""

from collections.abc import Mapping

from dagc.pictures.diagram import Diagram, Group, Links, ranked, within
from dagc.pictures.lettering import plain

_MOST_FRAMES = 8  # in one scope; boxes in more frames than this could no longer be folded together


def with_services(diagram: Diagram, service_of: Mapping[str, str]) -> Diagram:
    """The diagram with a frame around each set of boxes that hand their values on inside one other service.

    `service_of` names the service of every box that is placed elsewhere. A scope with many such frames gets
    none, and neither does one where they would call each other in a circle (there and back again).
    """
    framed = diagram
    for scope, near in within(diagram).items():
        parts = _parts(near, service_of)
        found = _framed(framed, scope, parts, service_of)
        framed = framed if len(parts) > _MOST_FRAMES or _makes_a_circle(found) else found
    return framed


def _parts(near: Links, service_of: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The placed members of a scope, those of one service that follow each other together, in the drawn order."""
    first = {box: box for box in near.above if box in service_of}  # of its part, by way of others

    def start(box: str) -> str:
        while first[box] != box:
            first[box] = box = first[first[box]]
        return box

    for box in first:
        for follower in near.below[box]:
            if service_of.get(follower) == service_of[box]:
                first[start(follower)] = start(box)
    parts: dict[str, list[str]] = {}
    for box in first:
        parts.setdefault(start(box), []).append(box)
    return [tuple(part) for part in parts.values()]


def _framed(diagram: Diagram, scope: str, parts: list[tuple[str, ...]], service_of: Mapping[str, str]) -> Diagram:
    inner = tuple(
        Group(f"{scope}: {part[0]} elsewhere", plain(f"service {service_of[part[0]]}"), part) for part in parts
    )
    frame_of = {member: group.id for group in inner for member in group.members}
    outer = tuple(
        Group(group.id, group.title, tuple(dict.fromkeys(frame_of.get(m, m) for m in group.members)))
        if group.id == scope
        else group
        for group in diagram.groups
    )
    return Diagram(diagram.title, diagram.boxes, diagram.edges, (*outer, *inner))


def _makes_a_circle(diagram: Diagram) -> bool:
    try:
        for near in within(diagram).values():
            ranked(near)
    except ValueError:
        return True
    return False
