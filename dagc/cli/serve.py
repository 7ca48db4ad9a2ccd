"""`dagc serve`: build into a private folder and run exactly that tree, as a process of its own."""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import IO, Annotated

import typer

from dagc.cli.address import require_free
from dagc.cli.companions import DidNotStartError, companions, front_of
from dagc.cli.given_settings import require_settings
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
    grpc_port: Annotated[
        int | None, typer.Option(help="Port for gRPC, which is off without one.", min=0, max=65535)
    ] = None,
) -> None:
    """Serve a graph on this machine, without a container: the tree `dagc build` would write, run as it is.

    Example: dagc serve graphs/tabular/graph.py --port 8000
    """
    with reporting(Format.TEXT), _ended_by_signals() as started:
        require_free(host, port)
        if grpc_port is not None:
            require_free(host, grpc_port)
        if source.is_dir() and (source / "plan.json").is_file():
            run_service(service_folder(source), host, port, started, grpc_port=grpc_port)
            return
        with tempfile.TemporaryDirectory(prefix="dagc-serve-") as folder:
            tree = Path(folder) / "build"
            build_into(source, tree)
            run_service(service_folder(tree), host, port, started, grpc_port=grpc_port)


def build_into(source: Path, out: Path) -> None:
    """Compile `source` and write its tree to `out`; warnings go to standard error.

    Raises:
        CompileError: with every mistake found.
    """
    from dagc.artifacts.write import write
    from dagc.cli.build import compiled

    write(compiled(source).tree, out)


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


def run_service(
    folder: Path,
    host: str,
    port: int,
    started: Callable[[subprocess.Popen[str]], None] = lambda _: None,
    *,
    grpc_port: int | None = None,
) -> None:
    """Run a service folder, and those it calls, until it ends; `started` is told its process.

    Raises:
        CompileError: it ended otherwise than by itself after a signal (E0703).
    """
    words = ("main.py",) if grpc_port is None else ("main.py", "--grpc-port", str(grpc_port))
    with beside(folder) as addresses:
        process = start_service(folder, host, port, words=words, addresses=addresses)
        started(process)
        code = process.wait()
    if code:
        raise CompileError.of(failed_service(folder.name, code))


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
        """Pass the signal on, or end here while there is nobody to pass it to."""
        if not running and number == signal.SIGINT:
            raise KeyboardInterrupt  # which is shown with the user's line, if one is running
        if not running:
            sys.exit(128 + number)  # an exception, so temporary folders are removed
        running[0].send_signal(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)

    before = {number: signal.signal(number, end) for number in _ENDING}
    try:
        yield running.append
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
