"""The services that the one which answers calls: run beside it on loopback ports, and ended with it."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dagc.cli.ready import ready_address

Start = Callable[[Path, Mapping[str, str]], "subprocess.Popen[str]"]
"""Starts a service folder on a free port, its first line to be read."""

_STOP_S = 60.0


def ended(process: "subprocess.Popen[str]") -> int:
    """The exit code of a process that was told to end; one that does not is killed."""
    try:
        return process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


class DidNotStartError(Exception):
    """A service ended before it was ready, with an exit code."""

    def __init__(self, name: str, code: int) -> None:
        super().__init__(f"{name}: {code}")
        self.name = name
        self.code = code


def front_of(build: Path) -> Path | None:
    """The folder of the service that answers from outside: the only one, or the first of the build's plan."""
    folders = {main.parent.name: main.parent for main in sorted(build.glob("services/*/main.py"))}
    if len(folders) > 1:
        plan = json.loads((build / "plan.json").read_text(encoding="utf-8"))
        return folders.get(plan["services"][0]["name"])
    return next(iter(folders.values()), None)


@contextmanager
def companions(front: Path, start: Start) -> Iterator[Mapping[str, str]]:
    """Where the other services of a build are, as environment variables, while they run.

    Raises:
        DidNotStartError: one of them ended at once.
    """
    from dagc.artifacts.compose import address_variable

    running: list[subprocess.Popen[str]] = []
    found: dict[str, str] = {}
    try:
        for main in sorted(front.parent.glob("*/main.py")):
            if main.parent == front:
                continue
            process = start(main.parent, found)
            running.append(process)
            name = main.parent.name
            address = ready_address(process, sys.stderr)
            if address is None:
                raise DidNotStartError(name, process.wait())
            print(f"dagc: {name} ready on {address}", file=sys.stderr, flush=True)
            found[address_variable(name)] = address
        yield found
    finally:
        for process in running:
            process.terminate()
        for process in running:
            ended(process)
