"""Who may ask for a graph: keys and signed tokens, each by the name of the setting they are checked with.

The file names settings and never holds a key: what stands in a repository or an image is no secret.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from dagc.dsl.complete import complete

_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_LONGEST_NAME = 64
_RESERVED = "DAGC_"

Mistake = tuple[str, str, str]
"""A code, a message and what to do."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """Callers are known by a key; the setting holds those of all callers."""

    setting: str


@dataclass(frozen=True, slots=True)
class Jwt:
    """Callers are known by a token of `issuer` for `audience`; the setting holds the public keys that sign it."""

    setting: str
    issuer: str
    audience: str
    scopes: tuple[str, ...] = ()


Auth: TypeAlias = ApiKey | Jwt
"""One way of knowing callers."""


@complete('dagc.api_key("FRAUD_API_KEYS")')
def api_key(setting: str) -> ApiKey:
    """A way of knowing callers: by a key, sent as `authorization: Bearer ...` or as `x-api-key`.

    Args:
        setting: the name of the setting with all keys, separated by commas or lines; `name:key` gives a key the
            name that log lines call its caller by.
    """
    return ApiKey(setting)


@complete('dagc.jwt("FRAUD_JWT_KEYS", issuer="https://login.example.com/", audience="fraud")')
def jwt(setting: str, *, issuer: str, audience: str, scopes: Sequence[str] = ()) -> Jwt:
    """A way of knowing callers: by a signed token (RFC 7519), sent as `authorization: Bearer ...`.

    Args:
        setting: the name of the setting with the public keys, as PEM or as a JSON key set (RFC 7517).
        issuer: what `iss` of a token has to be.
        audience: what `aud` of a token has to be, or to hold.
        scopes: what `scope` of a token has to hold.
    """
    return Jwt(setting, issuer, audience, (scopes,) if isinstance(scopes, str) else tuple(scopes))


def ways(auth: object) -> tuple[Auth, ...]:
    """The ways of knowing callers that `auth=` was given: one, or several of which one has to know them."""
    given = auth if isinstance(auth, tuple | list) else (auth,)
    return tuple(way for way in given if isinstance(way, ApiKey | Jwt))


def auth_mistakes(auth: object, of: str) -> Iterator[Mistake]:
    """E0370 for what is no way of knowing callers, E0371 for no name of a setting, E0372 for what no token has.

    Of what was given in place of a name nothing is repeated: it may be a key.
    """
    if auth is None:
        return
    given = auth if isinstance(auth, tuple | list) else (auth,)
    if len(ways(auth)) < len(given) or not given:
        what = "nothing" if not given else f"a `{type(next(w for w in given if not ways(w))).__name__}`"
        message = f"`auth` of {of} is no way of knowing callers: it is {what}"
        yield "E0370", message, 'write `auth=dagc.api_key("FRAUD_API_KEYS")` or `auth=dagc.jwt(...)`'
    for way in ways(auth):
        if (problem := setting_problem(way.setting)) is not None:
            help = (
                'write the name of a setting, `dagc.api_key("FRAUD_API_KEYS")`: keys are given when it is served'
            )
            yield "E0371", f"`auth` of {of} names no setting: it {problem}", help
        if isinstance(way, Jwt):
            yield from _token_mistakes(way, of)


def setting_problem(name: object) -> str | None:
    """Why something is no name of a setting, as the end of a sentence that does not repeat it."""
    if not isinstance(name, str):
        return f"is a `{type(name).__name__}`"
    if not _NAME.fullmatch(name):
        return "is not made of capital letters, digits and single underscores"
    if len(name) > _LONGEST_NAME:
        return f"has more than {_LONGEST_NAME} characters"
    if name.startswith(_RESERVED):
        return f"begins with `{_RESERVED}`, as only dagc's own settings do"
    return None


def _token_mistakes(way: Jwt, of: str) -> Iterator[Mistake]:
    for title, value in (("issuer", way.issuer), ("audience", way.audience)):
        named: object = value
        if not isinstance(named, str) or not named.strip():
            message = f"`{title}` of the tokens of {of} is no text"
            yield "E0372", message, "a token without it could have been made for somebody else: name it"
    for scope in way.scopes:
        word: object = scope
        if not isinstance(word, str) or not word or any(c.isspace() for c in word):
            message = f"`scopes` of the tokens of {of} are words, and one is `{word!r}`"
            yield "E0372", message, 'write `scopes=("payments:decide",)`'
