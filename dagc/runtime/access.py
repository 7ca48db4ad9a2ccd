"""Who may ask: callers are known by the header fields of a request, before its body is read.

Keys are kept and compared as keyed hashes, so that the time of a look-up says nothing about a key. A refusal never
says what was wrong with what it was given.
"""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from .answer import Answer, refusal
from .settings import StartError

UNAUTHORIZED = refusal(
    401,
    "unauthorized",
    "this needs a key or token that the service knows, as `authorization: Bearer ...`, or a key as `x-api-key`",
    headers=((b"www-authenticate", b"Bearer"),),
)
FORBIDDEN = refusal(
    403,
    "forbidden",
    "this token does not allow what is asked",
    headers=((b"www-authenticate", b'Bearer error="insufficient_scope"'),),
)
LONGEST_NAME = 64
FEWEST_KEY_BYTES = 16

Fields = Mapping[bytes, bytes]
"""Header fields, or metadata of gRPC, by names in lower case."""


class Access(Protocol):
    """Who may use one route."""

    def caller(self, fields: Fields) -> str | Answer:
        """The caller's name for log lines, or the refusal, 401 or 403."""

    def refusal(self, fields: Fields) -> Answer | None:
        """The refusal, if there is one."""


class Credentials(Protocol):
    """One way of knowing callers."""

    def caller(self, fields: Fields) -> str | None:
        """The caller's name, or `None` for nobody it knows.

        Raises:
            Forbidden: it knows the caller, who may not do this.
        """


class Forbidden(Exception):
    """A caller is known and may not do this."""


class AnyOf:
    """Lets in whoever one of several ways of knowing callers knows."""

    def __init__(self, ways: Sequence[Credentials]) -> None:
        self._ways = tuple(ways)

    def caller(self, fields: Fields) -> str | Answer:
        """See `Access`."""
        answer = UNAUTHORIZED
        for way in self._ways:
            try:
                name = way.caller(fields)
            except Forbidden:
                answer = FORBIDDEN
                continue
            if name is not None:
                return name
        return answer

    def refusal(self, fields: Fields) -> Answer | None:
        """See `Access`."""
        found = self.caller(fields)
        return found if isinstance(found, Answer) else None


class ApiKeys:
    """Callers by their key, from a text of keys: separated by commas or lines, each `key` or `name:key`.

    Raises:
        StartError: `bad_setting`, naming `setting` and the place of a key in it, never a key.
    """

    def __init__(self, text: str, setting: str) -> None:
        self._digest = _keyed_hash()
        self._names: dict[bytes, str] = {}
        given = [line.strip() for line in text.replace("\n", ",").split(",")]
        for place, entry in enumerate([entry for entry in given if entry], start=1):
            name, separator, key = entry.rpartition(":")
            self._add(name.strip() if separator else f"key-{place}", key.strip(), f"key {place} of `{setting}`")
        if not self._names:
            raise StartError("bad_setting", f"`{setting}` holds no key")

    def caller(self, fields: Fields) -> str | None:
        """See `Credentials`."""
        key = fields.get(b"x-api-key") or bearer(fields)
        return None if key is None else self._names.get(self._digest(key))

    def _add(self, name: str, key: str, place: str) -> None:
        if not name or len(name) > LONGEST_NAME or not name.isascii() or not name.isprintable():
            raise StartError("bad_setting", f"the name of {place} is not 1 to {LONGEST_NAME} letters of ASCII")
        if len(key) < FEWEST_KEY_BYTES or not key.isascii() or not key.isprintable() or " " in key:
            message = f"{place} is not {FEWEST_KEY_BYTES} or more printable characters of ASCII without spaces"
            raise StartError("bad_setting", message)
        digest = self._digest(key.encode())
        if digest in self._names:
            raise StartError("bad_setting", f"{place} stands there twice")
        self._names[digest] = name


def bearer(fields: Fields) -> bytes | None:
    """The token of `authorization: Bearer ...` (RFC 6750), if there is one."""
    scheme, _, token = fields.get(b"authorization", b"").partition(b" ")
    return token.strip() or None if scheme.lower() == b"bearer" else None


def _keyed_hash() -> Callable[[bytes], bytes]:
    """A hash that nobody outside this process can foretell."""
    secret = os.urandom(32)

    def digest(key: bytes) -> bytes:
        return hashlib.blake2b(key, digest_size=32, key=secret).digest()

    return digest
