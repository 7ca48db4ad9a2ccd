"""openapi.json of a service (OpenAPI 3.1): its routes, the user's own types, and every way it says no."""

from collections.abc import Iterable

from pydantic import JsonValue

from dagc.artifacts.canonical import json_bytes
from dagc.backends.components import Components
from dagc.backends.example import example_request
from dagc.plan.service_plan import Endpoint, Service

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
    paths: dict[str, JsonValue] = {e.route: {"post": _operation(e, components)} for e in service.endpoints}
    document: JsonValue = {
        "openapi": "3.1.0",
        "info": {"title": service.name, "version": _version(endpoint.version for endpoint in service.endpoints)},
        "paths": paths,
        "components": {"schemas": components.schemas},
    }
    return json_bytes(document)


def _operation(endpoint: Endpoint, components: Components) -> JsonValue:
    request: dict[str, JsonValue] = {
        "schema": components.add(endpoint.request_schema, f"{endpoint.name}_request"),
        "example": example_request(endpoint),
    }
    answer = {"schema": components.add(endpoint.response_schema, f"{endpoint.name}_response")}
    operation: dict[str, JsonValue] = {
        "operationId": endpoint.name,
        "parameters": _PARAMETERS,
        "requestBody": {"required": True, "content": {"application/json": request, **_bytes(endpoint)}},
        "responses": {
            "200": {"description": "The answer.", "content": {"application/json": answer}},
            **{status: _refusal(status, text) for status, text in _REFUSALS.items()},
        },
        "x-dagc-version": endpoint.version,
        "x-dagc-deadline-s": endpoint.limits.deadline_s,
        "x-dagc-max-body-bytes": endpoint.limits.max_body_bytes,
    }
    if endpoint.summary:
        operation["summary"] = endpoint.summary
    return operation


def _bytes(endpoint: Endpoint) -> dict[str, JsonValue]:
    """The content types of a body that is bytes as they are; OpenAPI 3.1 gives such a body no schema."""
    return {kind: {} for kind in _BYTES_TYPES} if endpoint.takes_bytes else {}


def _refusal(status: str, text: str) -> JsonValue:
    content: JsonValue = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    if status != "503":
        return {"description": text, "content": content}
    wait: JsonValue = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
    return {"description": text, "content": content, "headers": {"Retry-After": wait}}


def _version(versions: Iterable[str]) -> str:
    """The endpoints' version, or all of them when they differ."""
    return ", ".join(dict.fromkeys(versions))
