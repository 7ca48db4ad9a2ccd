"""service.json: the numbers the runtime reads, as data, so that a person can change one without reading code."""

from collections.abc import Iterator

from pydantic import JsonValue

from dagc.artifacts.canonical import json_bytes
from dagc.plan.batching import MAX_BATCH
from dagc.plan.nesting import every_call, every_stage
from dagc.plan.outside import Setting
from dagc.plan.service_plan import Endpoint, Part, Remote, RemoteStage, Service, Session, StandStage, StepGuard

_OF_EVERY_SERVICE = {"endpoints", "sessions", "steps"}
_OF_ENDPOINT = {"name", "version", "route", "body", "parameters", "waits", "limits", "takes_bytes"}
_OF_INGRESS = {"auth", "open", "max_body_bytes"}
_OF_PART = {"name", "route", "parameters", "takes", "gives", "interface", "waits", "limits"}
_OF_REMOTE = {"name", "service", "route", "takes", "gives", "interface", "may_repeat", "waits"}
_OF_SESSION = {"name", "model", "sha256", "feeds", "fetches", "max_batch", "one_by_one"}


def settings(service: Service, dagc_version: str) -> bytes:
    """service.json, without what only the compiler needs."""
    served: tuple[Endpoint | Part, ...] = (*service.endpoints, *service.parts)
    front = service.ingress
    value: dict[str, JsonValue] = {
        "service": service.name,
        "dagc_version": dagc_version,
        "endpoints": [_endpoint(endpoint, service) for endpoint in service.endpoints],
        "parts": [_part(part, service) for part in service.parts],
        "remotes": [_remote(remote) for remote in service.remotes],
        "sessions": [_session(session) for session in service.sessions],
        "steps": [*sorted({f"{c.module}.{c.qualname}" for one in served for c in every_call(one.stages)})],
        "guards": [_guard(guard) for guard in service.guards],
        "settings": [_setting(setting) for setting in service.settings],
        "ingress": front.model_dump(mode="json", include=_OF_INGRESS) if front else None,
    }
    return json_bytes({name: held for name, held in value.items() if held or name in _OF_EVERY_SERVICE})


def _endpoint(endpoint: Endpoint, service: Service) -> JsonValue:
    nodes: list[JsonValue] = []
    nodes += _nodes(endpoint, {guard.name: guard for guard in service.guards})
    asked = {"auth"} if endpoint.auth else set()
    value: dict[str, JsonValue] = endpoint.model_dump(mode="json", include=_OF_ENDPOINT | asked)
    return value | ({"nodes": nodes} if nodes else {}) | _inference(endpoint)


def _part(part: Part, service: Service) -> JsonValue:
    nodes: list[JsonValue] = []
    nodes += _nodes(part, {guard.name: guard for guard in service.guards})
    value: dict[str, JsonValue] = part.model_dump(mode="json", include=_OF_PART, exclude_defaults=True)
    return value | ({"nodes": nodes} if nodes else {})


def _remote(remote: Remote) -> JsonValue:
    value: JsonValue = remote.model_dump(mode="json", include=_OF_REMOTE, exclude_defaults=True)
    return value


def _inference(endpoint: Endpoint) -> dict[str, JsonValue]:
    if isinstance(endpoint.inference, str):
        return {}
    return {"inference": endpoint.inference.model_dump(mode="json", exclude_defaults=True)}


def _session(session: Session) -> JsonValue:
    measured = set() if session.run_ms is None else {"run_ms"}
    replaced = {"reload"} if session.reload else set()
    patient = {"max_wait_ms"} if session.max_wait_ms else set()
    agreeing = {"agreed_on"} if session.agreed_on else set()
    asked = _OF_SESSION | measured | replaced | patient | agreeing
    value: JsonValue = session.model_dump(mode="json", include=asked)
    return value


def _setting(setting: Setting) -> JsonValue:
    needed = setting.default is None
    return {"name": setting.name, "meaning": setting.meaning, "secret": setting.secret, "needed": needed}


def _guard(guard: StepGuard) -> JsonValue:
    value: dict[str, JsonValue] = {
        "step": f"{guard.module}.{guard.qualname}",
        "timeout_s": guard.timeout_s,
        "retries": guard.retries,
    }
    place: dict[str, JsonValue] = {} if guard.run == "inline" else {"run": guard.run}
    return value | place | ({"max_batch": MAX_BATCH} if guard.batch else {})


def _nodes(endpoint: Endpoint | Part, guards: dict[str, StepGuard]) -> Iterator[JsonValue]:
    """What of the endpoint is counted, and may be named in an answer that is degraded."""
    for stage in every_stage(endpoint.stages):
        if isinstance(stage, RemoteStage):
            yield {"name": stage.remote, "kind": "remote"}
        elif isinstance(stage, StandStage):
            members = {"members": len(stage.branches)} if stage.how == "quorum" else {}
            yield {"name": stage.node, "kind": stage.how, **members}
    for name in sorted({call.guard for call in every_call(endpoint.stages) if call.guard is not None}):
        guard = guards[name]
        if guard.fallback is not None:
            yield {"name": guard.qualname, "kind": "fallback"}
        if guard.retries:
            yield {"name": f"{guard.module}.{guard.qualname}", "kind": "retry"}
