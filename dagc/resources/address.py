"""Where a resource is: a URL of a setting or an embedded default, checked before anybody connects.

A URL may hold a password, so no message repeats one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

_SECRET_OPTIONS = frozenset({"access_token", "api_key", "apikey", "key", "password", "secret", "token"})


class AddressError(ValueError):
    """A URL that cannot be used, and why, in words that do not repeat it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A URL in parts. `embedded` is set where it is the default that the user's file declares."""

    url: str
    scheme: str
    host: str
    path: str
    embedded: bool = False

    def file(self, folder: Path) -> Path | None:
        """The file an embedded store lies in, relative to `folder`; `None` for one in memory."""
        text = unquote(self.path.removeprefix("/"))
        return folder / text if text and text != ":memory:" else None


def address(text: str, schemes: Mapping[str, Sequence[str]], *, embedded: bool = False) -> Address:
    """The parts of a URL. `schemes` are those that are supported, each with the modules it needs.

    Raises:
        AddressError: it is no URL, of another scheme, or without what its scheme needs.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise AddressError("its value is no URL: the host or the port cannot be read") from None
    known = ", ".join(f"`{scheme}://`" for scheme in schemes)
    if "://" not in text:
        raise AddressError(f"its value is no URL: it begins with none of {known}")
    if parts.scheme not in schemes:
        raise AddressError(f"`{parts.scheme[:20]}://` is not supported, {known} are")
    if any(ord(character) < 33 for character in text):
        raise AddressError("its value is no URL: it holds a space or a control character")
    if parts.scheme == "sqlite":
        return _of_file(parts, text, embedded=embedded)
    if not parts.hostname or port == 0:
        raise AddressError(f"a `{parts.scheme}://` URL needs a host and a port above 0")
    return Address(text, parts.scheme, parts.hostname, parts.path, embedded)


def holds_password(text: str) -> bool:
    """Whether a URL names a password, in itself or as an option, or a user of HTTP, who is one with the key."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    options = {name.lower() for name, _ in parse_qsl(parts.query)}
    is_key = parts.scheme in ("http", "https") and bool(parts.username)
    return bool(parts.password) or is_key or bool(options & _SECRET_OPTIONS)


def import_drivers(modules: Sequence[str]) -> None:
    """Import what a scheme needs.

    Raises:
        AddressError: a package is not installed.
    """
    for module in modules:
        try:
            import_module(module)
        except ImportError as error:
            needed = (error.name or module).partition(".")[0]
            raise AddressError(f"the package `{needed}` is not installed: install requirements.txt") from None


def _of_file(parts: SplitResult, text: str, *, embedded: bool) -> Address:
    if parts.netloc:
        help_ = "`sqlite:///profiles.db` is beside the graph, `sqlite:////var/lib/profiles.db` is absolute"
        raise AddressError(f"a `sqlite://` URL names no host: {help_}")
    if parts.query or parts.fragment:
        raise AddressError("a `sqlite://` URL has no options")
    return Address(text, "sqlite", "", parts.path, embedded)
