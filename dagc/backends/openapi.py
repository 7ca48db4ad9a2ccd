"""openapi.json of a service (OpenAPI 3.1): its routes, the user's own types, and every way it says no."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import JsonValue

from dagc.artifacts.canonical import json_bytes
from dagc.backends.components import Components
from dagc.backends.example import example_request
from dagc.backends.security import CHALLENGED, callers, refusals, security, security_schemes
from dagc.plan.access import Auth
from dagc.plan.nesting import every_call, every_stage
from dagc.plan.service_plan import Endpoint, Service, StandStage

_REFUSALS = {
    "400": "The body is not JSON, or the request is not well formed.",
    "408": "The request did not arrive in time.",
    "413": "The body is larger than this endpoint takes.",
    "415": "The body is not sent as a type that this endpoint takes, or is compressed.",
    "422": "The body is JSON of another type; `field` names the member that is wrong.",
    "500": "The service failed on this request.",
    "503": "The service is at its limit or stopping; try again.",
    "504": "The deadline passed before the answer was ready.",
}
_BYTES_TYPES = ("application/octet-stream", "audio/*", "image/*", "video/*")
_ERROR: JsonValue = {
    "title": "Error",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "description": "A word for programs."},
                "message": {"type": "string", "description": "A sentence for people."},
                "field": {"type": "string", "description": "The member of the request it is about."},
                "details": {
                    "type": "array",
                    "description": "Each member that is wrong, when several are.",
                    "items": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            },
        }
    },
}
_PARAMETERS: JsonValue = [
    {
        "name": "x-request-timeout-ms",
        "in": "header",
        "required": False,
        "description": "The time this request may take, when it is less than the endpoint's deadline.",
        "schema": {"type": "integer", "minimum": 0},
    },
    {
        "name": "x-request-id",
        "in": "header",
        "required": False,
        "description": "A name for this request in logs; it is sent back.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
]


def openapi(service: Service) -> bytes:
    """The document as canonical JSON."""
    components = Components({"Error": _ERROR})
    fallbacks = {guard.name: guard.qualname for guard in service.guards if guard.fallback is not None}
    paths: dict[str, JsonValue] = {
        e.route: {"post": _operation(e, components, sorted({*_degrading(e, fallbacks)}), callers(e, service))}
        for e in service.endpoints
    }
    named: dict[str, JsonValue] = {"schemas": components.schemas}
    if schemes := security_schemes(service):
        named["securitySchemes"] = schemes
    document: JsonValue = {
        "openapi": "3.1.0",
        "info": {"title": service.name, "version": _version(endpoint.version for endpoint in service.endpoints)},
        "paths": paths,
        "components": named,
    }
    return json_bytes(document)


def _operation(
    endpoint: Endpoint, components: Components, degrading: Sequence[str], auth: Sequence[Auth]
) -> JsonValue:
    request: dict[str, JsonValue] = {
        "schema": components.add(endpoint.request_schema, f"{endpoint.name}_request"),
        "example": example_request(endpoint),
    }
    answer = {"schema": components.add(endpoint.response_schema, f"{endpoint.name}_response")}
    said = {**_REFUSALS, **refusals(auth)}
    operation: dict[str, JsonValue] = {
        "operationId": endpoint.name,
        "parameters": _PARAMETERS,
        "requestBody": {"required": True, "content": {"application/json": request, **_bytes(endpoint)}},
        "responses": {
            "200": {"description": "The answer.", "content": {"application/json": answer}, **_flag(degrading)},
            **{status: _refusal(status, said[status]) for status in sorted(said)},
        },
        "x-dagc-version": endpoint.version,
        "x-dagc-deadline-s": endpoint.limits.deadline_s,
        "x-dagc-max-body-bytes": endpoint.limits.max_body_bytes,
    }
    if auth:
        operation["security"] = security(auth)
    if endpoint.summary:
        operation["summary"] = endpoint.summary
    return operation


def _bytes(endpoint: Endpoint) -> dict[str, JsonValue]:
    """The content types of a body that is bytes as they are; OpenAPI 3.1 gives such a body no schema."""
    return {kind: {} for kind in _BYTES_TYPES} if endpoint.takes_bytes else {}


def _degrading(endpoint: Endpoint, fallbacks: Mapping[str, str]) -> Iterator[str]:
    """What the header may name: nodes and steps where something else may stand in, quorums that may be short."""
    for stage in every_stage(endpoint.stages, challengers=False):
        if isinstance(stage, StandStage) and stage.how == "fallback":
            yield stage.node
        if isinstance(stage, StandStage) and stage.how == "quorum":
            members = len(stage.branches)
            yield from (f"{stage.node}={answered}/{members}" for answered in range(stage.need, members))
    for call in every_call(endpoint.stages, challengers=False):
        if (name := fallbacks.get(call.guard or "")) is not None:
            yield name


def _flag(degrading: Sequence[str]) -> dict[str, JsonValue]:
    """The header of an answer in which something stood in for something, where that can happen."""
    if not degrading:
        return {}
    text = "What of the answer is not as usual, separated by commas; without this header, nothing: "
    flag: JsonValue = {
        "description": text + ", ".join(f"`{name}`" for name in degrading),
        "required": False,
        "schema": {"type": "string"},
    }
    return {"headers": {"x-dagc-degraded": flag}}


def _refusal(status: str, text: str) -> JsonValue:
    content: JsonValue = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    if status in CHALLENGED:
        challenge: JsonValue = {"description": "How to be known.", "schema": {"type": "string"}}
        return {"description": text, "content": content, "headers": {"WWW-Authenticate": challenge}}
    if status != "503":
        return {"description": text, "content": content}
    wait: JsonValue = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
    return {"description": text, "content": content, "headers": {"Retry-After": wait}}


def _version(versions: Iterable[str]) -> str:
    """The endpoints' version, or all of them when they differ."""
    return ", ".join(dict.fromkeys(versions))
