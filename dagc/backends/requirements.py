"""requirements.txt of a service: exact versions with hashes from the lock, else names alone, saying so."""

from collections.abc import Iterator, Sequence

from dagc.artifacts.lock import Lock
from dagc.artifacts.pinned import Pinned

_UNLOCKED = (
    "# Not pinned: this build had no dagc.lock. Run `dagc lock`, commit the file and build again for exact",
    "# versions with hashes.",
)


def requirements_text(wanted: Sequence[str], lock: Lock | None) -> str:
    """The file's text; with a lock `pip install --require-hashes` accepts it."""
    if lock is None:
        return "\n".join((*_UNLOCKED, *wanted)) + "\n"
    return "\n".join(line for pin in lock.requirements for line in _pinned(pin)) + "\n"


def _pinned(pin: Pinned) -> Iterator[str]:
    marker = f" ; {pin.marker}" if pin.marker else ""
    yield f"{pin.name}=={pin.version}{marker} \\"
    *others, last = (f"    --hash={found}" for found in pin.hashes)
    yield from (f"{line} \\" for line in others)
    yield last
