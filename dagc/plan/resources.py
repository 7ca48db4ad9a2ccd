"""The resources that a service's steps ask for: what main.py opens, which settings name them, what drives them."""

from collections.abc import Iterable, Mapping, Sequence

from dagc.diagnostics import Span
from dagc.ir.graph import Graph
from dagc.ir.ops import CallStep, ResourceUse
from dagc.ir.regions import every_node
from dagc.plan.citations import cited
from dagc.plan.outside import Resource, Setting

DRIVERS: Mapping[str, Sequence[str]] = {
    "sql": ("aiosqlite", "asyncpg", "greenlet", "sqlalchemy"),
    "keyvalue": ("redis",),
    "http": ("aiohttp",),
}
"""Distributions that a kind of resource needs; all of a kind's, since the setting decides which one is used."""

_MEANINGS = {
    "sql": "URL of a database (postgresql://, sqlite:///)",
    "keyvalue": "URL of a key-value store (redis://, rediss://, sqlite:///)",
    "http": "base URL of a service (http://, https://)",
}


def resources(graphs: Iterable[Graph]) -> tuple[Resource, ...]:
    """What the steps of the graphs ask for, once each, by setting; each cites where it is declared."""
    uses = [use for graph in graphs for node in every_node(graph) for use in _uses(node.op)]
    found: dict[tuple[str, str], ResourceUse] = {}
    for use in uses:
        found.setdefault((use.module, use.name), use)
    return tuple(_resource(found[key]) for key in sorted(found, key=lambda key: (found[key].setting, key)))


def drivers(found: Iterable[Resource]) -> set[str]:
    """Distributions that the resources need."""
    return {name for resource in found for name in DRIVERS[resource.kind]}


def resource_settings(found: Iterable[Resource]) -> tuple[Setting, ...]:
    """The settings that say where resources are; a URL may hold a password, so each is a secret."""
    by_name = {
        resource.setting: Setting(
            name=resource.setting, meaning=_MEANINGS[resource.kind], secret=True, default=resource.default
        )
        for resource in found
    }
    return tuple(by_name.values())


def _uses(op: object) -> Sequence[ResourceUse]:
    return op.resources if isinstance(op, CallStep) else ()


def _resource(use: ResourceUse) -> Resource:
    spans: tuple[Span, ...] = () if use.span is None else (use.span,)
    return Resource(
        setting=use.setting,
        kind=use.kind,
        module=use.module,
        name=use.name,
        default=use.default,
        lines=cited(spans),
    )
