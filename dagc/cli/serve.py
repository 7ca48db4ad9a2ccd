"""`dagc serve`: build into a private folder and run exactly that tree, as a process of its own."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from dagc.cli.address import require_free
from dagc.cli.build import Profile, compiled
from dagc.cli.outcome import Format, reporting
from dagc.cli.service_process import ENDING, beside, failed_service, service_folder, start_service
from dagc.diagnostics import CompileError


def serve(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="The graph file, or a folder that `dagc build` wrote.")
    ],
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    grpc_port: Annotated[
        int | None, typer.Option(help="Port for gRPC, which is off without one.", min=0, max=65535)
    ] = None,
    profile: Profile = None,
    reload: Annotated[
        bool, typer.Option("--reload", help="Build again when files of the graph change, and go on with that.")
    ] = False,
) -> None:
    """Serve a graph on this machine, without a container: the tree `dagc build` would write, run as it is.

    With --reload a wrong edit is told and the service of before goes on; a right one takes over on the same port.

    Example: dagc serve graphs/tabular/graph.py --port 8000
    """
    from dagc.cli.reload import follow

    if source.is_dir() and (reload or profile is not None):
        refused = "--reload" if reload else "--profile"
        raise typer.BadParameter(f"`{source}` is a folder; give the graph file", param_hint=refused)
    with reporting(Format.TEXT):
        require_free(host, port)
        if grpc_port is not None:
            require_free(host, grpc_port)
        if reload and source.is_file():
            follow(source, host, port, grpc_port, profile)
            return
    with reporting(Format.TEXT), _ended_by_signals() as started:
        if source.is_dir() and (source / "plan.json").is_file():
            run_service(service_folder(source), host, port, started, grpc_port=grpc_port)
            return
        with tempfile.TemporaryDirectory(prefix="dagc-serve-") as folder:
            tree = Path(folder) / "build"
            build_into(source, tree, profile)
            run_service(service_folder(tree), host, port, started, grpc_port=grpc_port)


def build_into(source: Path, out: Path, profile: str | None = None) -> None:
    """Compile `source` with the numbers of `profile` and write its tree to `out`; warnings go to standard error.

    Raises:
        CompileError: with every mistake found.
    """
    from dagc.artifacts.write import write

    write(compiled(source, profile=profile).tree, out)


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

    before = {number: signal.signal(number, end) for number in ENDING}
    try:
        yield running.append
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
