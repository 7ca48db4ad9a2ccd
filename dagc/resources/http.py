"""`Http`: another service asked for JSON, by one pool of connections to its base URL; no answer leads away."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, TypeVar, cast, overload

from pydantic import JsonValue

from .address import Address, AddressError
from .errors import ResourceError, ResourceGarbled
from .http_client import HttpClient, HttpRequest, StandIn
from .resource import Resource
from .typed import as_json, validated_json

__all__ = ["Http", "HttpRequest"]

Wanted = TypeVar("Wanted")
Parameters = Mapping[str, str | int | float | bool | None]

CONNECTIONS = 100
MOST_BYTES = 1024 * 1024


class Http(Resource[HttpClient | StandIn]):
    """Another service. Its base URL is the setting's value; its embedded default may be a function."""

    kind: ClassVar[str] = "http"
    schemes: ClassVar[Mapping[str, Sequence[str]]] = {"http": ("aiohttp",), "https": ("aiohttp",)}

    def __init__(
        self,
        setting: str,
        *,
        default: str | Callable[[HttpRequest], object] | None = None,
        folder: Path,
        timeout_s: float | None = None,
        connections: int = CONNECTIONS,
        max_answer_bytes: int = MOST_BYTES,
    ) -> None:
        url = None if callable(default) else default
        super().__init__(setting, default=url, folder=folder, timeout_s=timeout_s, connections=connections)
        self.stand_in = default if callable(default) else None
        self.max_answer_bytes = max_answer_bytes

    @overload
    async def get(
        self, path: str, /, *, params: Parameters | None = None, headers: Mapping[str, str] | None = None
    ) -> JsonValue: ...
    @overload
    async def get(
        self,
        path: str,
        wanted: type[Wanted],
        /,
        *,
        params: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Wanted: ...
    async def get(
        self,
        path: str,
        wanted: type[Wanted] | None = None,
        /,
        *,
        params: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Wanted | JsonValue:
        """The JSON at a path behind the base URL, or a `wanted` made of it; values of a request go into `params`.

        Raises:
            ResourceUnavailable: the service cannot be reached, hangs up or answers 408, 429 or from 500 on.
            ResourceTimeout: it has not answered in the time there was.
            ResourceRefused: it answers another status than from 200 to 299; no redirect is followed.
            ResourceGarbled: its answer is no JSON, no `wanted`, or too large.
        """
        asked = HttpRequest("GET", path, _texts(params), None)
        return self._read(await self._call("get", lambda client: self._ask(client, asked, headers)), wanted)

    @overload
    async def post(
        self,
        path: str,
        /,
        *,
        json: object = None,
        params: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> JsonValue: ...
    @overload
    async def post(
        self,
        path: str,
        wanted: type[Wanted],
        /,
        *,
        json: object = None,
        params: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Wanted: ...
    async def post(
        self,
        path: str,
        wanted: type[Wanted] | None = None,
        /,
        *,
        json: object = None,
        params: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Wanted | JsonValue:
        """As `get`; `json` (records too) is the body."""
        asked = HttpRequest("POST", path, _texts(params), as_json(json))
        return self._read(await self._call("post", lambda client: self._ask(client, asked, headers)), wanted)

    def address(self) -> Address | None:
        """See `Resource`; `None` where a function stands in."""
        if self._address is None and self.stand_in is not None and not self._surroundings.setting(self.setting):
            return None
        return super().address()

    async def _ask(
        self, client: HttpClient | StandIn, asked: HttpRequest, headers: Mapping[str, str] | None
    ) -> bytes:
        return await client.answer(asked, {**(headers or {}), **self._surroundings.passed_on()})

    def _read(self, text: bytes, wanted: type[Wanted] | None) -> Wanted | JsonValue:
        if wanted is not None:
            return validated_json(text, wanted, self.setting)
        return cast(JsonValue, validated_json(text, object, self.setting)) if text else None

    def _connect(self, found: Address | None) -> HttpClient | StandIn:
        if found is not None:
            return HttpClient(found.url, self.setting, self.connections, self.max_answer_bytes)
        if self.stand_in is None:
            raise AddressError("it is not set")
        return StandIn(self.stand_in)

    def _failure(self, error: Exception) -> ResourceError | None:
        if isinstance(error, UnicodeError):
            return ResourceGarbled(self.setting, "the answer is no text")
        return HttpClient.failure(self.setting, error)


def _texts(params: Parameters | None) -> Mapping[str, str]:
    """Parameters as a query has them; those that are `None` are left out."""
    return {name: _text(value) for name, value in (params or {}).items() if value is not None}


def _text(value: str | int | float | bool) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
