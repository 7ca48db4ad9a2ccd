"""service.json: the numbers the runtime reads, as data, so that a person can change one without reading code."""

from collections.abc import Iterator

from pydantic import JsonValue

from dagc.artifacts.canonical import json_bytes
from dagc.plan.nesting import every_call, every_stage
from dagc.plan.service_plan import Endpoint, Service, Session, StandStage, StepGuard

_OF_ENDPOINT = {"name", "version", "route", "body", "parameters", "waits", "limits", "takes_bytes"}
_OF_SESSION = {"name", "model", "sha256", "feeds", "fetches", "max_batch", "one_by_one"}


def settings(service: Service, dagc_version: str) -> bytes:
    """service.json, without what only the compiler needs."""
    steps: list[JsonValue] = []
    steps += sorted({f"{c.module}.{c.qualname}" for e in service.endpoints for c in every_call(e.stages)})
    guards: list[JsonValue] = []
    guards += map(_guard, service.guards)
    value: dict[str, JsonValue] = {
        "service": service.name,
        "dagc_version": dagc_version,
        "endpoints": [_endpoint(endpoint, service) for endpoint in service.endpoints],
        "sessions": [_session(session) for session in service.sessions],
        "steps": steps,
    }
    return json_bytes(value | ({"guards": guards} if guards else {}))


def _endpoint(endpoint: Endpoint, service: Service) -> JsonValue:
    nodes: list[JsonValue] = []
    nodes += _nodes(endpoint, {guard.name: guard for guard in service.guards})
    value: dict[str, JsonValue] = endpoint.model_dump(mode="json", include=_OF_ENDPOINT)
    return value | ({"nodes": nodes} if nodes else {})


def _session(session: Session) -> JsonValue:
    kept = _OF_SESSION if session.run_ms is None else _OF_SESSION | {"run_ms"}
    value: JsonValue = session.model_dump(mode="json", include=kept)
    return value


def _guard(guard: StepGuard) -> JsonValue:
    return {
        "step": f"{guard.module}.{guard.qualname}",
        "timeout_s": guard.timeout_s,
        "retries": guard.retries,
    }


def _nodes(endpoint: Endpoint, guards: dict[str, StepGuard]) -> Iterator[JsonValue]:
    """What of the endpoint is counted, and may be named in an answer that is degraded."""
    for stage in every_stage(endpoint.stages):
        if isinstance(stage, StandStage):
            members = {"members": len(stage.branches)} if stage.how == "quorum" else {}
            yield {"name": stage.node, "kind": stage.how, **members}
    for name in sorted({call.guard for call in every_call(endpoint.stages) if call.guard is not None}):
        guard = guards[name]
        if guard.fallback is not None:
            yield {"name": guard.qualname, "kind": "fallback"}
        if guard.retries:
            yield {"name": f"{guard.module}.{guard.qualname}", "kind": "retry"}
