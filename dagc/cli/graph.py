"""`dagc graph`: a picture of the graph as written and as served, for a terminal, a page or a README."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagc.cli.outcome import Format, reporting, show
from dagc.cli.progress import steps
from dagc.diagnostics import CompileError, Diagnostic, Report

if TYPE_CHECKING:
    from dagc.pictures.diagram import Picture


class Form(StrEnum):
    """How a picture is written down."""

    TEXT = "text"
    SVG = "svg"
    MERMAID = "mermaid"


class Stage(StrEnum):
    """Which picture: the graph as the user wrote it, as it is served, or both beside each other."""

    BEFORE = "before"
    AFTER = "after"
    BOTH = "both"


_ENDINGS = {".svg": Form.SVG, ".mmd": Form.MERMAID, ".mermaid": Form.MERMAID}


def graph(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The graph file.")],
    form: Annotated[
        Form | None,
        typer.Option("--format", help="How to write it; text, or what the name of the output file says."),
    ] = None,
    stage: Annotated[
        Stage, typer.Option(help="before: as written; after: as served, models fused; both: side by side.")
    ] = Stage.BOTH,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The file to write; standard output by default.")
    ] = None,
) -> None:
    """Draw the graph: its models, steps and arithmetic, the types between them, and what is served as one session.

    Example: dagc graph graphs/tabular/graph.py -o tabular.svg
    """
    if out is not None and out.resolve() == source.resolve():
        raise typer.BadParameter(f"`{out}` is the graph itself, not a place for its picture", param_hint="--out")
    report = Report(str(source.parent))
    with reporting(Format.TEXT):
        pictures = _pictures(source, stage, report)
    show(report, Format.TEXT)
    drawn = _drawn(pictures, form or _form_of(out))
    if out is None:
        sys.stdout.write(drawn)
        return
    with reporting(Format.TEXT):
        _write(out, drawn)
    typer.echo(f"wrote {out}")


def _pictures(source: Path, stage: Stage, report: Report) -> list["Picture"]:
    """A picture of every graph of the file. For the first stage, checking it is enough."""
    from dagc.compile import plan_file
    from dagc.frontend import check_file
    from dagc.pictures.picture import picture_after, picture_before, picture_of_both

    if stage is Stage.BEFORE:
        return [picture_before(traced.graph) for traced in check_file(source, report)]
    with steps() as watch:
        planned = plan_file(source, report, watch)
    services = {endpoint.name: service.name for service in planned.plan.services for endpoint in service.endpoints}
    stages = [
        (t.graph, o.graph, services[t.graph.name]) for t, o in zip(planned.traced, planned.optimised, strict=True)
    ]
    if stage is Stage.AFTER:
        return [picture_after(after, service) for _, after, service in stages]
    return [picture_of_both(*found) for found in stages]


def _drawn(pictures: list["Picture"], form: Form) -> str:
    from dagc.pictures.mermaid import mermaid
    from dagc.pictures.svg import svg
    from dagc.pictures.text import text

    return {Form.SVG: svg, Form.MERMAID: mermaid, Form.TEXT: text}[form](pictures)


def _form_of(out: Path | None) -> Form:
    return _ENDINGS.get(out.suffix.lower(), Form.TEXT) if out is not None else Form.TEXT


def _write(out: Path, drawn: str) -> None:
    """Raises `CompileError` (E0508) when the disk refuses."""
    try:
        out.write_text(drawn, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        message = f"`{out}` cannot be written: {reason}"
        raise CompileError.of(Diagnostic("E0508", message)) from None
