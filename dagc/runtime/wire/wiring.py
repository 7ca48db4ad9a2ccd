"""What a service has of the wire: the parts it runs for others, and those it asks others for."""

from collections.abc import Iterator, Sequence

from ..events import Event
from ..observer import Watch
from ..settings import EndpointSettings, PartSettings, RemoteSettings, StartError
from .classes import Known
from .codec import PartCodec
from .peers import Peers, addresses
from .remote import Remote


class Wiring:
    """The parts and remotes of one service."""

    def __init__(self, parts: Sequence[PartSettings], remotes: Sequence[RemoteSettings], watch: Watch) -> None:
        self._parts = {part.name: part for part in parts}
        self._remotes = {remote.name: remote for remote in remotes}
        self._watch = watch
        self._peers: dict[str, Peers] = {}
        self._known: Known = {}

    def part(self, name: str) -> tuple[EndpointSettings, PartCodec]:
        """The part that a function of main.py is.

        Raises:
            StartError: `glue`, service.json has none of that name; `types`.
        """
        found = self._parts.get(name)
        if found is None:
            raise StartError("glue", f"service.json has no part `{name}`")
        return found.endpoint(), PartCodec(found.interface, found.takes, found.gives, self._known)

    def remote(self, name: str) -> Remote:
        """What main.py calls to ask another service.

        Raises:
            StartError: `glue`, service.json has none of that name; `types`; `bad_setting`.
        """
        found = self._remotes.get(name)
        if found is None:
            raise StartError("glue", f"service.json has no remote `{name}`")
        if found.service not in self._peers:
            self._peers[found.service] = Peers(addresses(found.service))
        return Remote(found, self._peers[found.service], self._known, self._watch)

    def events(self) -> Iterator[Event]:
        """What is counted of the remotes."""
        for remote in self._remotes.values():
            yield ("dagc_breaker_state", remote.edge)
            if remote.may_repeat:
                yield from (("dagc_retries_total", remote.edge, o) for o in ("answered", "failed", "over_budget"))
