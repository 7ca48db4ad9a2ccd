"""What all resources share: a client for each event loop, the time of a call, a breaker, failures by kind."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, Protocol, TypeVar

from .address import Address, AddressError, address, import_drivers
from .errors import ResourceError, ResourceTimeout, ResourceUnavailable
from .surroundings import Alone, Breaker, Surroundings

LONGEST_S = 30.0
"""For a call that no request waits for."""
PROBE_S = 2.0
CONNECTIONS = 10
"""To one resource, of one process."""


class Client(Protocol):
    """Connections to one resource on one loop."""

    async def ping(self) -> None:
        """Ask for nothing; raises where it does not answer."""

    async def close(self) -> None:
        """Close all connections."""


ClientOf = TypeVar("ClientOf", bound=Client)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[ClientOf]):
    client: ClientOf
    address: Address | None
    life: AsyncGenerator[None, None]


class Resource(ABC, Generic[ClientOf]):
    """Something outside of the process that steps ask. `setting` names the setting that holds its URL."""

    kind: ClassVar[str]
    schemes: ClassVar[Mapping[str, Sequence[str]]]
    """Supported schemes of URLs, with the modules each needs."""

    def __init__(
        self,
        setting: str,
        *,
        default: str | None = None,
        folder: Path,
        timeout_s: float | None = None,
        connections: int = CONNECTIONS,
    ) -> None:
        self.setting = setting
        self.default = default
        self.timeout_s = timeout_s
        self.folder = folder
        self.connections = connections
        self._surroundings: Surroundings = Alone()
        self._breaker: Breaker | None = None
        self._address: Address | None = None
        self._clients: dict[asyncio.AbstractEventLoop, _Kept[ClientOf]] = {}
        self._left: set[asyncio.Task[object]] = set()

    def __repr__(self) -> str:
        return f"<{self.kind} {self.setting}>"

    def settle(self, surroundings: Surroundings) -> bool:
        """Whether its setting is given, else its default is used. From now on a service watches its calls.

        Raises:
            AddressError: its URL cannot be used, or there is none.
        """
        self._surroundings = surroundings
        found = self.address()
        if found is not None:
            import_drivers(self.schemes[found.scheme])
        self._address = found
        self._breaker = surroundings.breaker(self.setting)
        return found is not None and not found.embedded

    async def open(self) -> str | None:
        """Why it does not answer now, if it does not; the calls that follow may find it back."""
        try:
            client = await self._client()
            await self._limited(client.ping(), PROBE_S)
        except ResourceError as error:
            return error.reason
        except AddressError as error:
            return str(error)
        return None

    async def close(self) -> None:
        """Close the connections of the running loop."""
        kept = self._clients.get(asyncio.get_running_loop())
        if kept is not None:
            await kept.life.aclose()

    def address(self) -> Address | None:
        """Where it is, as the setting says, else the default; `None` where the default is no URL.

        Raises:
            AddressError: see `settle`.
        """
        if self._address is not None:
            return self._address
        given = self._surroundings.setting(self.setting)
        if given is not None:
            return address(given, self.schemes)
        if self.default is None:
            raise AddressError("it is not set, and has no embedded default")
        return self.embedded(self.default)

    def embedded(self, default: str) -> Address:
        """Where a default is.

        Raises:
            AddressError: it cannot be used.
        """
        return address(default, self.schemes, embedded=True)

    @abstractmethod
    def _connect(self, found: Address | None) -> ClientOf:
        """A client that has not connected yet."""

    @abstractmethod
    def _failure(self, error: Exception) -> ResourceError | None:
        """What an exception of a driver means; `None` where it is no failure of the resource."""

    async def _call(self, operation: str, work: Callable[[ClientOf], Coroutine[object, object, Result]]) -> Result:
        """The result of one operation, in the time there is."""
        with self._surroundings.call(self.setting, operation):
            limit_s = self._limit_s()
            if limit_s <= 0.0:
                raise ResourceTimeout(self.setting, "no time was left to ask")
            if self._breaker is not None and not self._breaker.allows():
                raise ResourceUnavailable(self.setting, "it failed several times in a row and is asked again soon")
            return await self._judged(self._with_client(work), limit_s)

    async def _with_client(self, work: Callable[[ClientOf], Awaitable[Result]]) -> Result:
        try:
            client = await self._client()
        except AddressError as error:
            raise ResourceUnavailable(self.setting, str(error)) from None
        return await work(client)

    async def _judged(self, work: Coroutine[object, object, Result], limit_s: float) -> Result:
        breaker = self._breaker
        if breaker is None:
            return await self._limited(work, limit_s)
        try:
            result = await self._limited(work, limit_s)
        except (ResourceTimeout, ResourceUnavailable):
            breaker.failed()
            raise
        except asyncio.CancelledError:
            if self._is_due():
                breaker.failed()
            else:
                breaker.given_up()
            raise
        except BaseException:
            breaker.succeeded()
            raise
        breaker.succeeded()
        return result

    async def _limited(self, work: Coroutine[object, object, Result], limit_s: float) -> Result:
        """What the work returns within so many seconds; late work is left to end by itself.

        A driver may take seconds to let go of a connection whose server is silent, and nobody waits for that.
        """
        task = asyncio.create_task(work)
        try:
            await asyncio.wait((task,), timeout=limit_s)
        finally:
            if not task.done():
                self._leave(task)
        if not task.done():
            raise ResourceTimeout(self.setting, f"no answer within {limit_s:.3g} s")
        try:
            return task.result()
        except ResourceError:
            raise
        except asyncio.CancelledError:
            raise ResourceUnavailable(self.setting, "the connection was given up") from None
        except Exception as error:
            if (failure := self._failure(error)) is None:
                raise
            raise failure from error

    def _leave(self, task: "asyncio.Task[Result]") -> None:
        """Cancel work that nobody waits for any more, and hear what it still says."""
        kept: asyncio.Task[object] = task
        kept.cancel()
        self._left.add(kept)
        kept.add_done_callback(self._heard)

    def _heard(self, task: "asyncio.Task[object]") -> None:
        self._left.discard(task)
        if not task.cancelled():
            task.exception()

    def _limit_s(self) -> float:
        remaining_s = self._surroundings.remaining_s()
        most = LONGEST_S if remaining_s is None else remaining_s
        return most if self.timeout_s is None else min(most, self.timeout_s)

    def _is_due(self) -> bool:
        """Whether a call that is cancelled has used up its time: then the resource is slow, no client gone."""
        remaining_s = self._surroundings.remaining_s()
        return remaining_s is not None and remaining_s <= 0.001

    async def _client(self) -> ClientOf:
        """The client of the running loop, which is closed with the loop's generators, as `asyncio.run` does.

        Raises:
            AddressError: see `settle`.
        """
        loop = asyncio.get_running_loop()
        kept = self._clients.get(loop)
        found = self.address()
        if kept is not None and kept.address == found:
            return kept.client
        self._clients = {known: one for known, one in self._clients.items() if not known.is_closed()}
        client = self._connect(found)
        life = self._lifetime(client, loop)
        self._clients[loop] = _Kept(client, found, life)
        await anext(life)
        if kept is not None:  # the setting has changed since
            await kept.life.aclose()
        return client

    async def _lifetime(self, client: ClientOf, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            if (kept := self._clients.get(loop)) is not None and kept.client is client:
                del self._clients[loop]
            with suppress(Exception):
                await client.close()
