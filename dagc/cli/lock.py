"""`dagc lock`: hashes of models and requirements beside the graph; the one command that uses the network."""

from pathlib import Path
from typing import Annotated

import typer

from dagc.cli.outcome import Format, counted, reporting, show
from dagc.cli.progress import steps


def lock(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The graph file.")],
) -> None:
    """Pin what a build is made of: every model and every Python requirement of the service, by hash.

    Example: dagc lock graphs/tabular/graph.py
    """
    from dagc.artifacts.lock import LOCK_NAME
    from dagc.compile import lock_file
    from dagc.diagnostics import Report

    report = Report(str(source.parent))
    with reporting(Format.TEXT), steps() as watch:
        locked = lock_file(source, report, watch)
    show(report, Format.TEXT)
    file = source.parent / LOCK_NAME
    file.write_bytes(locked.content())
    size = f"{counted(len(locked.models), 'model')}, {counted(len(locked.requirements), 'requirement')}"
    typer.echo(f"wrote {file}: {size}")
