"""Requirements to exact versions with hashes, by uv's universal resolution: the one use of the network in dagc."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from dagc.artifacts.pinned import Pinned
from dagc.diagnostics import CompileError, Diagnostic

_COMMAND = (
    *(
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "-",
        "--universal",
        "--generate-hashes",
        "--no-emit-index-url",
    ),
    *("--no-header", "--annotation-style", "line", "--no-progress", "--quiet", "--color", "never"),
)
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*\\?")
_HASH = re.compile(r"\s+--hash=(?P<hash>sha(?:256|384|512):[0-9a-f]+)\s*\\?")
_WANTED_BY = re.compile(r"\s+# via (?P<names>[a-z0-9-]+(?:, [a-z0-9-]+)*)")
_UNREACHABLE = ("Failed to fetch", "Request failed", "network was disabled", "error sending request")


def resolve(requirements: Sequence[str], *, options: Sequence[str] = ()) -> tuple[Pinned, ...]:
    """Every distribution `requirements` need, for all systems from this Python version on, sorted as uv does.

    `options` are further words for `uv pip compile`.

    Raises:
        CompileError: the package index does not answer (E0506), or no versions fit (E0507).
    """
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    # A fixed command in a list, never a shell; requirements go in by standard input.
    done = subprocess.run(
        [*_COMMAND, "--python-version", minor, *options],
        input="\n".join(requirements) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CompileError.of(_failure(done.stderr))
    try:
        return tuple(_parsed(done.stdout))
    except (ValueError, ValidationError):
        raise CompileError.of(_failure("error: the answer of uv is not understood")) from None


@dataclass(slots=True)
class _Read:
    """A pin as it stands in the text, line by line."""

    pin: re.Match[str]
    hashes: list[str] = field(default_factory=list)
    wanted_by: tuple[str, ...] = ()


def _parsed(text: str) -> Iterator[Pinned]:
    """The pins of a requirements file with hashes; uv writes who wants a pin, and a pin says what it needs."""
    found: list[_Read] = []
    for line in text.splitlines():
        if pin := _PIN.fullmatch(line):
            found.append(_Read(pin))
        elif found and (hashed := _HASH.fullmatch(line)):
            found[-1].hashes.append(hashed["hash"])
        elif found and (via := _WANTED_BY.fullmatch(line)):
            found[-1].wanted_by = tuple(via["names"].split(", "))
        else:
            raise ValueError(f"neither a pin nor a hash nor who wants it: {line!r}")
    needs: dict[str, set[str]] = {}
    for each in found:
        for name in each.wanted_by:
            needs.setdefault(name, set()).add(each.pin["name"])
    for each in found:
        yield Pinned(
            name=each.pin["name"],
            version=each.pin["version"],
            marker=each.pin["marker"],
            hashes=tuple(sorted(each.hashes)),
            needs=tuple(sorted(needs.get(each.pin["name"], ()))),
        )


def _failure(stderr: str) -> Diagnostic:
    if any(sign in stderr for sign in _UNREACHABLE):
        help_ = "try again with a network connection; only `dagc lock` needs one"
        return Diagnostic("E0506", "the package index cannot be reached", help=help_)
    causes = [line.partition(":")[2].strip() for line in stderr.splitlines() if line.lstrip().startswith("cause:")]
    notes = tuple(causes) or tuple(line.removeprefix("error: ") for line in stderr.splitlines()[:3])
    help_ = "change the requirement it names, or the import it comes from"
    return Diagnostic("E0507", "no versions satisfy the requirements", notes=notes, help=help_)
