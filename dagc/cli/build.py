"""`dagc check`, `dagc plan` and `dagc build`: the compiler, as far as the user wants it to go."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagc.cli.outcome import Format, counted, reporting, show
from dagc.cli.progress import steps
from dagc.diagnostics import Report

if TYPE_CHECKING:
    from dagc.compile import Compilation

Source = Annotated[Path, typer.Argument(metavar="SOURCE", help="The graph file.")]
Profile = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Take its numbers of services and deadlines in dagc.toml."),
]
OutputFormat = Annotated[Format, typer.Option("--format", help="text for people, json for programs.")]


def check(source: Source, profile: Profile = None, form: OutputFormat = Format.TEXT) -> None:
    """Find the mistakes of a graph file, at the user's own lines, and write nothing.

    Example: dagc check graphs/tabular/graph.py
    """
    from dagc.frontend import check_file

    report = Report(str(source.parent))
    with reporting(form):
        traced = check_file(source, report, environment=profile)
    show(report, form)
    if form is Format.TEXT:
        for graph in traced:
            size = f"{counted(len(graph.nodes()), 'node')}, {counted(len(graph.called_models()), 'model')}"
            typer.echo(f"`{graph.graph.name}` is right: {size}")
        for remark in traced[0].model_remarks():
            typer.echo(f"  {remark}")


def plan(source: Source, profile: Profile = None, form: OutputFormat = Format.TEXT) -> None:
    """Show what a build would be: services, sessions, stages, and every fusion done or refused, with the reason.

    Example: dagc plan graphs/tabular/graph.py
    """
    from dagc.artifacts.canonical import json_bytes
    from dagc.cli.pictures import plan_text
    from dagc.compile import plan_file

    report = Report(str(source.parent))
    with reporting(form), steps() as watch:
        planned = plan_file(source, report, watch, environment=profile)
    show(report, Format.TEXT)
    if form is Format.JSON:
        sys.stdout.write(json_bytes(planned.plan.model_dump(mode="json")).decode())
        return
    typer.echo(plan_text(planned), nl=False)
    for remark in planned.traced[0].model_remarks():
        typer.echo(f"  . {remark}")


def build(
    source: Source,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Where to write; build/<graph> by default.")
    ] = None,
    profile: Profile = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Check, fuse, prove and write a service: the tree to review, commit or put into an image.

    Example: dagc build graphs/tabular/graph.py -o build/tabular
    """
    from dagc.artifacts.write import write
    from dagc.cli.pictures import build_json, build_text

    compilation = compiled(source, form, profile)
    target = out or Path("build") / compilation.planned.plan.name
    with reporting(form):
        write(compilation.tree, target)
    if form is Format.JSON:
        sys.stdout.write(build_json(compilation, target))
        return
    typer.echo(build_text(compilation, target), nl=False)


def compiled(source: Path, form: Format = Format.TEXT, profile: str | None = None) -> "Compilation":
    """The whole compilation of a file; its mistakes are shown and end the command, its warnings are shown."""
    from dagc.compile import compile_file

    report = Report(str(source.parent))
    with reporting(form), steps() as watch:
        compilation = compile_file(source, report, watch, environment=profile)
    show(report, Format.TEXT)
    return compilation
