"""What a service needs to know its callers: the settings with their keys, and what reads tokens."""

from collections.abc import Iterable, Iterator, Sequence

from dagc.plan.access import Auth, Ingress, TokenAuth
from dagc.plan.outside import Setting
from dagc.plan.service_plan import Endpoint

_MEANINGS = {"api_key": "the keys of callers of", "jwt": "the public keys that sign the tokens of callers of"}


def access_settings(endpoints: Iterable[Endpoint], ingress: Ingress | None) -> tuple[Setting, ...]:
    """The settings that hold keys, each with what it is for."""
    used: dict[tuple[str, str], list[str]] = {}
    for title, auth in _guarded(endpoints, ingress):
        for way in auth:
            used.setdefault((way.setting, way.kind), []).append(title)
    return tuple(
        Setting(name=name, meaning=f"{_MEANINGS[kind]} {', '.join(dict.fromkeys(titles))}")
        for (name, kind), titles in sorted(used.items())
    )


def token_libraries(auths: Iterable[Sequence[Auth]]) -> frozenset[str]:
    """The distributions that read tokens, where there are any."""
    reads = any(isinstance(way, TokenAuth) for auth in auths for way in auth)
    return frozenset(("cryptography", "pyjwt")) if reads else frozenset()


def _guarded(endpoints: Iterable[Endpoint], ingress: Ingress | None) -> Iterator[tuple[str, Sequence[Auth]]]:
    for endpoint in endpoints:
        yield endpoint.name, endpoint.auth
    if ingress is not None:
        yield "the application in front", ingress.auth
