"""aiohttp behind `Http`, and a function that stands in for a service."""

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from .errors import ResourceError, ResourceGarbled, ResourceRefused, ResourceUnavailable, reason_of
from .typed import as_json

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession

_BUSY = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_DNS_S = 5
"""How long an address is believed: what moved is found again within the 10 s in which a dependency heals."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a service is asked; `body` is JSON."""

    method: str
    path: str
    params: Mapping[str, str]
    body: bytes | None


class HttpClient:
    """Connections to one base URL, on one loop."""

    def __init__(self, base: str, setting: str, connections: int, most_bytes: int) -> None:
        self._base = base.split("?")[0].split("#")[0].rstrip("/")
        self._setting = setting
        self._connections = connections
        self._most_bytes = most_bytes
        self._session: ClientSession | None = None

    async def answer(self, asked: HttpRequest, headers: Mapping[str, str]) -> bytes:
        """The body of an answer from 200 to 299."""
        sent = {"accept": "application/json", "accept-encoding": "identity", **headers}
        if asked.body is not None:
            sent["content-type"] = "application/json"
        url = f"{self._base}{self._path(asked.path)}"
        session = self._opened()
        async with session.request(
            asked.method, url, params=asked.params, data=asked.body, headers=sent, allow_redirects=False
        ) as answer:
            self._check(answer)
            return await self._body(answer)

    async def ping(self) -> None:
        """Raises where nobody listens; a service has no path that is sure to be there, so none is asked for."""
        import yarl

        url = yarl.URL(self._base)
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.close()

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    @staticmethod
    def failure(setting: str, error: Exception) -> ResourceError | None:
        """What an exception of aiohttp means; its text, which may hold the URL, is not told."""
        if isinstance(error, TimeoutError):
            return ResourceUnavailable(setting, "it cannot be reached in time")
        if type(error).__module__.partition(".")[0] == "aiohttp" or isinstance(error, OSError):
            return ResourceUnavailable(setting, f"it cannot be asked: {reason_of(error)}")
        return None

    def _opened(self) -> "ClientSession":
        if self._session is None:
            import aiohttp

            connector = aiohttp.TCPConnector(limit=self._connections, ttl_dns_cache=_DNS_S)
            # The time of each call is kept by whoever calls.
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                max_line_size=8190,
                max_field_size=8190,
            )
        return self._session

    def _path(self, path: str) -> str:
        """A path behind the base URL; what might lead elsewhere is refused."""
        parts = path.split("/")
        if not path.startswith("/") or ".." in parts or "." in parts or "" in parts[1:-1] or set(path) & _SPECIAL:
            message = (
                "a path begins with `/` and holds no `..`, `//`, `?` or `#`; values of a request go into `params`"
            )
            raise ResourceRefused(self._setting, message)
        return path

    def _check(self, answer: "ClientResponse") -> None:
        status = answer.status
        if 200 <= status <= 299:
            return
        if status in _BUSY or status >= 500:
            raise ResourceUnavailable(self._setting, f"it answers {status}")
        led = "; a redirect is not followed" if 300 <= status <= 399 else ""
        raise ResourceRefused(self._setting, f"it answers {status}{led}", status)

    async def _body(self, answer: "ClientResponse") -> bytes:
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            raise ResourceGarbled(self._setting, "its answer is compressed, which was not asked for")
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > self._most_bytes:
                answer.close()
                raise ResourceGarbled(self._setting, f"its answer is larger than {self._most_bytes} bytes")
        return bytes(body)


_SPECIAL = frozenset("?#\\%") | frozenset(map(chr, range(33)))


class StandIn:
    """A function of the user's that answers in place of a service."""

    def __init__(self, function: Callable[[HttpRequest], object]) -> None:
        self._function = function

    async def answer(self, asked: HttpRequest, headers: Mapping[str, str]) -> bytes:
        """The JSON of what the function returns."""
        found = self._function(asked)
        return as_json(await found if inspect.isawaitable(found) else found)

    async def ping(self) -> None:
        """It is here."""

    async def close(self) -> None:
        """Nothing."""
