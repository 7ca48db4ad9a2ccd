"""`dagc serve`: build into a private folder and run exactly that tree, as a process of its own."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from dagc.cli.outcome import Format, reporting


def serve(
    source: Annotated[Path, typer.Argument(help="The graph file, or a folder that `dagc build` wrote.")],
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.", min=0, max=65535)] = 8000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve a graph on this machine, without a container: the tree `dagc build` would write, run as it is.

    Example: dagc serve graphs/tabular/graph.py --port 8000
    """
    with reporting(Format.TEXT):
        if (source / "plan.json").is_file():
            sys.exit(run_service(service_folder(source), host, port))
        with tempfile.TemporaryDirectory(prefix="dagc-serve-") as folder:
            tree = Path(folder) / "build"
            build_into(source, tree)
            sys.exit(run_service(service_folder(tree), host, port))


def build_into(source: Path, out: Path) -> None:
    """Compile `source` and write its tree to `out`; warnings go to standard error.

    Raises:
        CompileError: with every mistake found.
    """
    from dagc.artifacts.write import write
    from dagc.cli.build import compiled

    write(compiled(source).tree, out)


def service_folder(build: Path) -> Path:
    """The folder of the one service of a build."""
    services = sorted(path for path in (build / "services").iterdir() if path.is_dir())
    return services[0]


def run_service(folder: Path, host: str, port: int) -> int:
    """Run a service folder until it ends, passing on SIGTERM and SIGINT; its exit code."""
    process = start_service(folder, host, port)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    return process.wait()


def start_service(folder: Path, host: str, port: int, *, stdout: int | None = None) -> subprocess.Popen[str]:
    """Start `main.py` of a service folder in its own session, so that only we decide which signals it gets.

    Nothing routes requests to it but the user, so it need not go on accepting after it was told to stop.
    """
    command = [sys.executable, "main.py", "--host", host, "--port", str(port), "--drain-s", "0"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, start_new_session=True, stdout=stdout)
