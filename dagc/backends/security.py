"""Who may ask, in OpenAPI's words: one scheme for each way in which keys and tokens are sent."""

from collections.abc import Sequence

from pydantic import JsonValue

from dagc.plan.access import Auth, TokenAuth
from dagc.plan.service_plan import Endpoint, Service

CHALLENGED = ("401", "403")
"""Answers with a header that says how callers make themselves known."""

_KEY_HEADER: JsonValue = {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "A key."}
_KEY_BEARER: JsonValue = {"type": "http", "scheme": "bearer", "description": "A key."}
_UNKNOWN = "The caller is not known; everything but `/live` and `/ready` asks for a key or token."
_FORBIDDEN = "The caller is known, and the token does not hold the scopes this needs."


def callers(endpoint: Endpoint, service: Service) -> tuple[Auth, ...]:
    """The ways in which callers of an endpoint may be known: its own, else those of all the service."""
    if endpoint.auth:
        return endpoint.auth
    return tuple(dict.fromkeys(_all(service)))


def security_schemes(service: Service) -> dict[str, JsonValue]:
    """The schemes of all of the service, by the names that operations have for them."""
    schemes: dict[str, JsonValue] = {}
    for way in _all(service):
        if isinstance(way, TokenAuth):
            said = f"A token of {way.issuer} for {way.audience}."
            schemes[_name(way)] = {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": said,
            }
        else:
            schemes["api_key"] = _KEY_HEADER
            schemes["api_key_bearer"] = _KEY_BEARER
    return schemes


def security(auth: Sequence[Auth]) -> JsonValue:
    """The alternatives of which a request meets one."""
    met: list[JsonValue] = []
    for way in auth:
        if isinstance(way, TokenAuth):
            met.append({_name(way): list(way.scopes)})
        else:
            met += [{"api_key": []}, {"api_key_bearer": []}]
    return [one for at, one in enumerate(met) if one not in met[:at]]


def refusals(auth: Sequence[Auth]) -> dict[str, str]:
    """What such an endpoint says to callers it does not let in, by status."""
    if not auth:
        return {}
    scoped = any(isinstance(way, TokenAuth) and way.scopes for way in auth)
    return {"401": _UNKNOWN} | ({"403": _FORBIDDEN} if scoped else {})


def _all(service: Service) -> list[Auth]:
    return [way for endpoint in service.endpoints for way in endpoint.auth] + list(
        service.ingress.auth if service.ingress else ()
    )


def _name(way: TokenAuth) -> str:
    return f"token_{way.setting.lower()}"
