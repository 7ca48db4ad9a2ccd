"""The instances of another service, and which of them is asked next.

A name may have many addresses (the replicas of a service on a network of containers): each is an instance. Names
are looked up again now and then, and when no connection can be made.
"""

import asyncio
import ipaddress
import os
import socket
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from ..settings import StartError
from .connection import Broken, Connection
from .instance import Instance

KNOWN_S = 10.0
"""How long the addresses of a name are taken for right."""

Address = tuple[str, int]


def addresses(service: str) -> tuple[Address, ...]:
    """Where the instances of a service listen: DAGC_SERVICE_<NAME>, else port 8000 of the host of its name.

    Raises:
        StartError: `bad_setting`.
    """
    variable = f"DAGC_SERVICE_{service.upper().replace('-', '_')}"
    given = os.environ.get(variable) or f"http://{service}:8000"
    found = tuple(_address(text.strip(), variable) for text in given.split(",") if text.strip())
    if not found:
        raise StartError("bad_setting", f"{variable} holds no address")
    return found


def _address(text: str, variable: str) -> Address:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme != "http" or not host or parts.path not in ("", "/"):
        raise StartError("bad_setting", f"{variable} must hold addresses like `http://name:8000`")
    return host, port or 80


class Peers:
    """All instances of a service, asked in turn."""

    def __init__(self, given: Sequence[Address]) -> None:
        self._given = given
        self._fixed = all(map(_is_numeric, given))
        self._instances: dict[Address, Instance] = {}
        if self._fixed:
            self._instances = {one: Instance(*one, one[0]) for one in given}
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = 0.0
        self._next = 0
        self._waiting: list[Callable[[], None]] = []

    def ready(self) -> Connection | None:
        """A connection with room to the next instance that is up, if there is one now."""
        now = time.monotonic()
        if not self._fixed and now - self._looked_at > KNOWN_S:
            self._look_up()
        instances = list(self._instances.values())
        self._next += 1
        best: Connection | None = None
        for number in range(len(instances)):
            instance = instances[(self._next + number) % len(instances)]
            found = instance.ready(now)
            if found is not None and (best is None or found.load < best.load):
                best = found
        return best

    async def connection(self) -> Connection | None:
        """A connection with room, as soon as one is open; `None` where those that are open are full.

        Raises:
            Broken: no instance can be reached.
        """
        failed = Broken("no instance can be reached, one will be tried again soon")
        while (found := self.ready()) is None:
            if self.is_reachable:
                return None
            begun = [one.opening for one in self._instances.values() if one.opening is not None]
            under_way: list[asyncio.Task[object]] = [*begun, *([self._looking] if self._looking else [])]
            if not under_way:
                self._looked_at = 0.0  # it may have moved
                raise failed
            done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            failed = next((e for one in done if isinstance(e := one.exception(), Broken)), failed)
        return found

    @property
    def is_reachable(self) -> bool:
        """Whether some instance has a connection that can be used."""
        return any(one.usable for instance in self._instances.values() for one in instance.connections)

    def wait_for_room(self, look: Callable[[], None]) -> None:
        """`look` is called once, when an answer has come."""
        self._waiting.append(look)

    def tell_room(self) -> None:
        """An answer has come: whoever waits for room may look for some."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for look in waiting:
                look()

    def close(self) -> None:
        """Ends all connections."""
        for instance in self._instances.values():
            instance.close()

    def _look_up(self) -> None:
        if self._looking is None:
            self._looked_at = time.monotonic()
            self._looking = asyncio.get_running_loop().create_task(self._addresses())
            self._looking.add_done_callback(self._known)

    def _known(self, looking: "asyncio.Task[None]") -> None:
        self._looking = None
        if not looking.cancelled():
            looking.exception()

    async def _addresses(self) -> None:
        """The instances of now: those that are known stay as they are, those that are gone take nothing more."""
        loop = asyncio.get_running_loop()
        found: dict[Address, str] = {}
        for host, port in self._given:
            try:
                known = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except OSError as error:
                if not self._instances:
                    raise Broken(f"`{host}` has no address: {type(error).__name__}") from None
                return  # who cannot be found now may be where it was
            found |= {(str(address[0]), port): host for *_, address in known}
        for address in [*self._instances]:
            if address not in found:
                self._instances.pop(address).retire()
        for address, host in found.items():
            self._instances.setdefault(address, Instance(*address, host))


def _is_numeric(address: Address) -> bool:
    try:
        ipaddress.ip_address(address[0])
    except ValueError:
        return False
    return True
