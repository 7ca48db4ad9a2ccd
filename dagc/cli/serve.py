"""`dagc serve`: build into a private folder and run exactly that tree, as a process of its own."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Annotated

import typer

from dagc.cli.address import require_free
from dagc.cli.outcome import Format, reporting
from dagc.diagnostics import CompileError, Diagnostic

_PR_SET_PDEATHSIG = 1
"""<sys/prctl.h>: the signal a process gets when its parent dies."""

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def serve(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="The graph file, or a folder that `dagc build` wrote.")
    ],
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve a graph on this machine, without a container: the tree `dagc build` would write, run as it is.

    Example: dagc serve graphs/tabular/graph.py --port 8000
    """
    with reporting(Format.TEXT), _ended_by_signals() as started:
        require_free(host, port)
        if source.is_dir() and (source / "plan.json").is_file():
            run_service(service_folder(source), host, port, started)
            return
        with tempfile.TemporaryDirectory(prefix="dagc-serve-") as folder:
            tree = Path(folder) / "build"
            build_into(source, tree)
            run_service(service_folder(tree), host, port, started)


def build_into(source: Path, out: Path) -> None:
    """Compile `source` and write its tree to `out`; warnings go to standard error.

    Raises:
        CompileError: with every mistake found.
    """
    from dagc.artifacts.write import write
    from dagc.cli.build import compiled

    write(compiled(source).tree, out)


def service_folder(build: Path) -> Path:
    """The folder of the one service of a build.

    Raises:
        CompileError: there is none (E0704).
    """
    services = sorted(main.parent for main in build.glob("services/*/main.py"))
    if not services:
        help_ = "build it again with `dagc build`, or give the graph file"
        raise CompileError.of(Diagnostic("E0704", f"`{build}` holds no service", help=help_))
    return services[0]


def run_service(
    folder: Path, host: str, port: int, started: Callable[[subprocess.Popen[str]], None] = lambda _: None
) -> None:
    """Run a service folder until it ends; `started` is told its process.

    Raises:
        CompileError: it ended otherwise than by itself after a signal (E0703).
    """
    process = start_service(folder, host, port)
    started(process)
    code = process.wait()
    if code:
        raise CompileError.of(failed_service(folder.name, code))


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
    stdout: int | None = None,
    stderr: IO[str] | None = None,
) -> subprocess.Popen[str]:
    """Start `python words...` in a service folder and a session of its own, so that only we signal it.

    It does not outlive this process, however this one ends.
    """
    command = [sys.executable, *words, "--host", host, "--port", str(port)]
    # No load balancer has to notice that it drains here, so a stop need not wait for one.
    environment = {"DAGC_DRAIN_S": "0", **os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        text=True,
        start_new_session=True,
        stdout=stdout,
        stderr=stderr,
        preexec_fn=_dying_with_us(),
    )


def _dying_with_us() -> Callable[[], None] | None:
    """What a child does first so that Linux ends it with this process; other systems have no such call."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def _ended_by_signals() -> Iterator[Callable[[subprocess.Popen[str]], None]]:
    """SIGTERM, SIGINT and SIGHUP end the process that is told here, or, while there is none, this one in order."""
    running: list[subprocess.Popen[str]] = []

    def end(number: int, _frame: FrameType | None) -> None:
        if not running:
            sys.exit(128 + number)  # an exception, so temporary folders are removed
        running[0].send_signal(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)

    before = {number: signal.signal(number, end) for number in _ENDING}
    try:
        yield running.append
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
