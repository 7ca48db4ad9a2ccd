"""Service folders as processes: how one is found, started, told where others are, and spoken of."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO

from dagc.cli.companions import DidNotStartError, companions, front_of
from dagc.cli.given_settings import require_settings
from dagc.diagnostics import CompileError, Diagnostic

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The signals that end a command which serves."""

_PR_SET_PDEATHSIG = 1
"""<sys/prctl.h>: the signal a process gets when its parent dies."""


def service_folder(build: Path) -> Path:
    """The folder of a build's service that answers; those that it calls lie beside it.

    Raises:
        CompileError: there is none (E0704).
    """
    front = front_of(build)
    if front is None:
        help_ = "build it again with `dagc build`, or give the graph file"
        raise CompileError.of(Diagnostic("E0704", f"`{build}` holds no service", help=help_))
    return front


@contextmanager
def beside(folder: Path, stderr: IO[str] | None = None) -> Iterator[Mapping[str, str]]:
    """The environment that tells a service where those are that it calls, while they run on this machine.

    Raises:
        CompileError: one of them did not start (E0703).
    """

    def start(other: Path, addresses: Mapping[str, str]) -> subprocess.Popen[str]:
        """The process of another service, at a port of its own."""
        return start_service(other, "127.0.0.1", 0, stdout=subprocess.PIPE, stderr=stderr, addresses=addresses)

    try:
        with companions(folder, start) as addresses:
            yield addresses
    except DidNotStartError as error:
        raise CompileError.of(failed_service(error.name, error.code)) from None


def failed_service(name: str, code: int) -> Diagnostic:
    """What to say about a service whose process ended with `code`, which is minus a signal's number or over 0."""
    how = f"stopped with exit code {code}" if code > 0 else f"was killed by {signal.Signals(-code).name}"
    notes = ("its last line says why",) if code > 0 else ()
    help_ = None if code > 0 else "a machine short of memory does so too: look at the system's log"
    return Diagnostic("E0703", f"service `{name}` {how}", notes=notes, help=help_)


def start_service(
    folder: Path,
    host: str,
    port: int,
    *,
    words: Sequence[str] = ("main.py",),
    addresses: Mapping[str, str] = MappingProxyType({}),
    stdout: int | None = None,
    stderr: IO[str] | None = None,
) -> subprocess.Popen[str]:
    """Start `python words...` in a service folder and a session of its own, so that only we signal it.

    It does not outlive this process, however this one ends.

    Raises:
        CompileError: a setting that it needs is not given (E0376).
    """
    require_settings(folder)
    command = [sys.executable, *words, "--host", host, "--port", str(port)]
    # No load balancer has to notice that it drains here, so a stop need not wait for one.
    environment = {"DAGC_DRAIN_S": "0", **addresses, **os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        start_new_session=True,
        stdout=stdout,
        stderr=stderr,
        preexec_fn=dying_with_us(),
    )


def dying_with_us() -> Callable[[], None] | None:
    """What a child does first so that Linux ends it with this process; other systems have no such call."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
