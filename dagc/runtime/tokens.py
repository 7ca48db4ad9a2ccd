"""Callers by signed tokens (JWT, RFC 7519), checked with public keys alone: PEM, or a key set of RFC 7517.

The kind of key decides the algorithm (RFC 8725), never the token: `none` and signatures with a shared secret do
not exist here. What a token showed once is known until it expires.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from .access import Fields, Forbidden, bearer
from .settings import StartError

LEEWAY_S = 30.0
"""How far the clocks of two machines may be apart."""
MOST_KNOWN = 4096
FEWEST_RSA_BITS = 2048
_LONGEST_NAME = 64
_PEM_END = "-----END PUBLIC KEY-----"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key, the only algorithm it is for, and its name in a key set."""

    key: object
    algorithm: str
    name: str | None = None


class Tokens:
    """Callers whose token one of the keys signed, of this issuer and for this audience, with these scopes.

    Raises:
        StartError: `bad_setting`, the text holds no usable public key, or one that is not public.
    """

    def __init__(self, text: str, setting: str, *, issuer: str, audience: str, scopes: Iterable[str] = ()) -> None:
        self._keys = tuple(public_keys(text, setting))
        self._issuer = issuer
        self._audience = audience
        self._scopes = frozenset(scopes)
        self._known: dict[bytes, tuple[float, str | None]] = {}

    def caller(self, fields: Fields) -> str | None:
        """The subject of the request's token; see `Credentials`."""
        token = bearer(fields)
        if token is None:
            return None
        digest = hashlib.blake2b(token, digest_size=16).digest()
        known = self._known.get(digest)
        if known is None:
            known = self._read(token)
            if known is None:
                return None
            self._keep(digest, known)
        until, name = known
        if time.time() > until:
            del self._known[digest]
            return None
        if name is None:
            raise Forbidden
        return name

    def _keep(self, digest: bytes, known: tuple[float, str | None]) -> None:
        if len(self._known) >= MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[digest] = known

    def _read(self, token: bytes) -> tuple[float, str | None] | None:
        """Until when the token holds, and its subject: `None` for one without the scopes. Nothing for no token."""
        claims = next(filter(None, map(_Reader(token, self._issuer, self._audience).claims, self._keys)), None)
        if claims is None:
            return None
        until = float(str(claims["exp"])) + LEEWAY_S
        return until, _subject(claims) if self._scopes <= _scopes(claims) else None


class _Reader:
    """One token, tried with keys."""

    def __init__(self, token: bytes, issuer: str, audience: str) -> None:
        self._token = token
        self._issuer = issuer
        self._audience = audience
        self._header = _unverified_header(token)

    def claims(self, key: PublicKey) -> Mapping[str, object] | None:
        """What the token says, if this key signed it and it holds now."""
        import jwt

        if self._header is None or self._header.get("alg") != key.algorithm:
            return None
        named = self._header.get("kid")
        if named is not None and key.name is not None and named != key.name:
            return None
        try:
            claims: Mapping[str, object] = jwt.decode(
                self._token,
                cast("str", key.key),
                [key.algorithm],
                {"require": ["exp", "iss", "aud"]},
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_S,
            )
            float(str(claims["exp"]))
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError):
            return None
        return claims


def public_keys(text: str, setting: str) -> Iterator[PublicKey]:
    """The keys that a setting holds; raises as `Tokens` does."""
    text = text.strip()
    if text.startswith("{"):
        yield from _of_key_set(text, setting)
        return
    # A line of an environment file cannot hold line breaks: they may be written as `\n`.
    blocks = text.replace("\\n", "\n").split(_PEM_END)
    if len(blocks) == 1 or blocks[-1].strip():
        hint = "give the public key of a private one" if "PRIVATE KEY" in text else "PEM or a JSON key set"
        raise StartError("bad_setting", f"`{setting}` holds no public keys: {hint}")
    for place, block in enumerate(blocks[:-1], start=1):
        yield _of_pem(f"{block}{_PEM_END}\n", f"key {place} of `{setting}`")


def _of_pem(text: str, place: str) -> PublicKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key: object = load_pem_public_key(text.strip().encode())
    except (ValueError, UnsupportedAlgorithm):
        raise StartError("bad_setting", f"{place} is no public key in PEM form") from None
    return PublicKey(key, _algorithm(key, place))


def _of_key_set(text: str, setting: str) -> Iterator[PublicKey]:
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        raise StartError("bad_setting", f"`{setting}` is no JSON") from None
    listed = held.get("keys", [held])
    if not isinstance(listed, list) or not listed:
        raise StartError("bad_setting", f"`{setting}` is a key set without keys")
    for place, item in enumerate(listed, start=1):
        if isinstance(item, dict) and item.get("use", "sig") != "sig":
            continue
        yield _of_key(item, f"key {place} of `{setting}`")


def _of_key(item: object, place: str) -> PublicKey:
    import jwt

    if not isinstance(item, dict):
        raise StartError("bad_setting", f"{place} is no JSON object")
    if "d" in item or "k" in item:
        raise StartError("bad_setting", f"{place} is a secret, and only public keys belong there")
    try:
        found = jwt.PyJWK.from_dict({name: value for name, value in item.items() if name != "alg"})
    except (jwt.PyJWTError, ValueError, TypeError):
        raise StartError("bad_setting", f"{place} is no public key of a kind this service knows") from None
    algorithm = _algorithm(found.key, place)
    if item.get("alg", algorithm) != algorithm:
        raise StartError(
            "bad_setting", f"{place} is not for {algorithm}, which is all that keys of its kind are for"
        )
    name = item.get("kid")
    return PublicKey(found.key, algorithm, name if isinstance(name, str) else None)


def _algorithm(key: object, place: str) -> str:
    """RS256, ES256 or EdDSA."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    match key:
        case rsa.RSAPublicKey() if key.key_size < FEWEST_RSA_BITS:
            raise StartError("bad_setting", f"{place} has {key.key_size} bits, fewer than {FEWEST_RSA_BITS}")
        case rsa.RSAPublicKey():
            return "RS256"
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, ec.SECP256R1):
            return "ES256"
        case ed25519.Ed25519PublicKey():
            return "EdDSA"
    raise StartError("bad_setting", f"{place} is none of RSA, P-256 and Ed25519")


def _unverified_header(token: bytes) -> Mapping[str, object] | None:
    import jwt

    try:
        return jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None


def _subject(claims: Mapping[str, object]) -> str:
    """What log lines call the caller: the subject, or the client for a token of a client itself."""
    for claim in ("sub", "client_id", "azp"):
        name = claims.get(claim)
        if isinstance(name, str) and name:
            return name[:_LONGEST_NAME]
    return "token"


def _scopes(claims: Mapping[str, object]) -> frozenset[str]:
    """`scope` as one text (RFC 8693), or `scp` as a list or text."""
    given = claims.get("scope", claims.get("scp", ""))
    words = given.split() if isinstance(given, str) else given
    return frozenset(word for word in words if isinstance(word, str)) if isinstance(words, list) else frozenset()
