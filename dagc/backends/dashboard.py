"""dashboards/<service>.json: a Grafana dashboard of a service, with panels for what the service really has.

Every name in it is one that the service's /metrics has, which a test compares.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from dagc.artifacts.canonical import json_bytes
from dagc.plan.nesting import every_call, every_stage
from dagc.plan.service_plan import Endpoint, Part, Service, StandStage

_WIDTH, _HEIGHT = 8, 7
_COLUMNS = 24 // _WIDTH
_SCHEMA = 39
"""Grafana 10.3's; later ones read it and bring it up to date."""
_SOURCE: JsonValue = {"type": "prometheus", "uid": "${source}"}
_CHOSEN = 'job=~"$job"'
_RATE = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and how its series are called."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph over time; `unit` is Grafana's name of it."""

    title: str
    meaning: str
    unit: str
    queries: tuple[Query, ...]


def dashboard(service: Service, dagc_version: str) -> bytes:
    """The dashboard as Grafana imports it; the data source and the scrape job are chosen there."""
    panels: list[JsonValue] = []
    panels += [_panel(number, panel) for number, panel in enumerate(_panels(service))]
    return json_bytes(
        {
            "title": f"{service.name} (dagc)",
            "uid": f"dagc-{service.name}"[:40],
            "description": f"Made by dagc {dagc_version}; change it in a copy, a build writes it anew.",
            "tags": ["dagc"],
            "schemaVersion": _SCHEMA,
            "editable": True,
            "refresh": "10s",
            "time": {"from": "now-30m", "to": "now"},
            "templating": {"list": [_source(), _job()]},
            "panels": panels,
        }
    )


def _panels(service: Service) -> Iterator[Panel]:
    yield from _of_requests()
    yield from _of_parts(service)
    yield from _of_patterns(service)
    yield from _of_others(service)
    yield Panel(
        "Event loop held",
        "how much of the time the loop stood still, by what held it; nobody is answered meanwhile",
        "percentunit",
        (_rate("dagc_loop_blocked_seconds_sum", "node"),),
    )
    yield Panel(
        "Workers replaced", "processes that died and were started anew", "short",
        (Query(f"sum(increase(dagc_worker_restarts_total{{{_CHOSEN}}}[{_RATE}]))", "workers"),),
    )  # fmt: skip


def _of_requests() -> Iterator[Panel]:
    yield Panel("Requests", "answers a second by status", "reqps", (_rate("dagc_requests_total", "code"),))
    yield Panel("Latency", "from the last byte in to the answer", "s", _quantiles("dagc_request_seconds", "route"))
    yield Panel(
        "In flight", "requests accepted and not yet answered, and runs that wait for a session", "short",
        (_sum("dagc_inflight", "in flight"), _sum("dagc_queue_depth", "waiting for a session")),
    )  # fmt: skip
    yield Panel("Refused", "requests refused to protect others", "reqps", (_rate("dagc_shed_total", "reason"),))
    yield Panel(
        "Late", "requests whose deadline passed, by where they were", "reqps",
        (_rate("dagc_deadline_exceeded_total", "stage"),),
    )  # fmt: skip


def _of_parts(service: Service) -> Iterator[Panel]:
    yield Panel(
        "Nodes, p95", "runs of sessions; steps and JSON as far as they are timed", "s",
        (_quantile(0.95, "dagc_node_seconds", "node"),),
    )  # fmt: skip
    yield Panel(
        "Waiting, p95", "until a session's thread is free, and until the loop's next turn", "s",
        (_quantile(0.95, "dagc_queue_seconds", "queue"),),
    )  # fmt: skip
    if service.sessions or any(guard.batch for guard in service.guards):
        yield Panel(
            "Batch size", "rows in a run, mean", "short",
            (Query(_mean("dagc_batch_size", "session"), "{{session}}"),),
        )  # fmt: skip
    if any(session.reload for session in service.sessions):
        yield Panel(
            "Models replaced", "files that took a model's place, or were refused it", "short",
            (_rate("dagc_model_reloads_total", "session", "outcome"),),
        )  # fmt: skip


def _of_patterns(service: Service) -> Iterator[Panel]:
    stands = {
        stage.how for one in _served(service) for stage in every_stage(one.stages) if isinstance(stage, StandStage)
    }
    called = {call.guard for one in _served(service) for call in every_call(one.stages)}
    guards = [guard for guard in service.guards if guard.name in called]
    if "fallback" in stands or any(guard.fallback for guard in guards):
        yield Panel("Fallbacks", "answers that a backup gave", "reqps", (_rate("dagc_fallbacks_total", "node"),))
    if "quorum" in stands:
        yield Panel(
            "Quorums", "by how many members answered", "reqps", (_rate("dagc_quorum_total", "node", "answered"),)
        )
    if "shadow" in stands:
        yield Panel(
            "Challengers", "by what came of them", "reqps", (_rate("dagc_shadow_total", "node", "outcome"),)
        )
    if any(guard.retries for guard in guards) or any(remote.may_repeat for remote in service.remotes):
        yield Panel("Retries", "second attempts", "reqps", (_rate("dagc_retries_total", "edge", "outcome"),))


def _of_others(service: Service) -> Iterator[Panel]:
    if service.resources or service.remotes:
        yield Panel(
            "Breakers", "0 closed, 1 half open, 2 open", "short",
            (Query(f"max by (edge) (dagc_breaker_state{{{_CHOSEN}}})", "{{edge}}"),),
        )  # fmt: skip
    if service.resources:
        yield Panel(
            "Resources, p95", "calls of databases, stores and services", "s",
            (_quantile(0.95, "dagc_resource_seconds", "resource", "operation"),),
        )  # fmt: skip
        yield Panel(
            "Resources failed", "calls that failed, by why", "reqps",
            (_rate("dagc_resource_failures_total", "resource", "reason"),),
        )  # fmt: skip


def _served(service: Service) -> tuple[Endpoint | Part, ...]:
    return (*service.endpoints, *service.parts)


def _rate(metric: str, *labels: str) -> Query:
    return Query(f"sum by ({', '.join(labels)}) (rate({metric}{{{_CHOSEN}}}[{_RATE}]))", _legend(labels))


def _sum(metric: str, legend: str) -> Query:
    return Query(f"sum({metric}{{{_CHOSEN}}})", legend)


def _quantile(share: float, metric: str, *labels: str) -> Query:
    buckets = f"sum by (le, {', '.join(labels)}) (rate({metric}_bucket{{{_CHOSEN}}}[{_RATE}]))"
    return Query(f"histogram_quantile({share}, {buckets})", _legend(labels))


def _quantiles(metric: str, label: str) -> tuple[Query, ...]:
    found = (
        (name, _quantile(share, metric, label)) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    )
    return tuple(Query(query.expression, f"{query.legend} {name}") for name, query in found)


def _mean(metric: str, label: str) -> str:
    sums = (f"sum by ({label}) (rate({metric}_{of}{{{_CHOSEN}}}[{_RATE}]))" for of in ("sum", "count"))
    return " / ".join(sums)


def _legend(labels: tuple[str, ...]) -> str:
    return " ".join(f"{{{{{label}}}}}" for label in labels)


def _panel(number: int, panel: Panel) -> JsonValue:
    targets: list[JsonValue] = [
        {"refId": chr(65 + at), "datasource": _SOURCE, "expr": query.expression, "legendFormat": query.legend}
        for at, query in enumerate(panel.queries)
    ]
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.meaning,
        "datasource": _SOURCE,
        "gridPos": {
            "h": _HEIGHT,
            "w": _WIDTH,
            "x": number % _COLUMNS * _WIDTH,
            "y": number // _COLUMNS * _HEIGHT,
        },
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": targets,
    }


def _source() -> JsonValue:
    return {"name": "source", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _job() -> JsonValue:
    return {
        "name": "job",
        "label": "Scrape job",
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": "label_values(dagc_inflight, job)", "refId": "job"},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }
