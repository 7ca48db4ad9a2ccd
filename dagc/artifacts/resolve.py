"""Requirements to exact versions with hashes, by uv's universal resolution: the one use of the network in dagc."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence

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
    *("--no-header", "--no-annotate", "--no-progress", "--quiet", "--color", "never"),
)
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*\\?")
_HASH = re.compile(r"\s+--hash=(?P<hash>sha(?:256|384|512):[0-9a-f]+)\s*\\?")
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


def _parsed(text: str) -> Iterator[Pinned]:
    """The pins of a requirements file with hashes."""
    pin: re.Match[str] | None = None
    hashes: list[str] = []
    for line in [*text.splitlines(), "end==0"]:
        if found := _HASH.fullmatch(line):
            hashes.append(found["hash"])
            continue
        if pin is not None:
            yield Pinned(
                name=pin["name"], version=pin["version"], marker=pin["marker"], hashes=tuple(sorted(hashes))
            )
        pin, hashes = _PIN.fullmatch(line), []
        if pin is None:
            raise ValueError(f"neither a pin nor a hash: {line!r}")


def _failure(stderr: str) -> Diagnostic:
    if any(sign in stderr for sign in _UNREACHABLE):
        help_ = "try again with a network connection; only `dagc lock` needs one"
        return Diagnostic("E0506", "the package index cannot be reached", help=help_)
    causes = [line.partition(":")[2].strip() for line in stderr.splitlines() if line.lstrip().startswith("cause:")]
    notes = tuple(causes) or tuple(line.removeprefix("error: ") for line in stderr.splitlines()[:3])
    help_ = "change the requirement it names, or the import it comes from"
    return Diagnostic("E0507", "no versions satisfy the requirements", notes=notes, help=help_)
