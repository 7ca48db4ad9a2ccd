"""`dagc init`: a small project that works, to be changed into one's own. Nothing that exists is overwritten."""

import os
from pathlib import Path
from typing import Annotated

import typer

from dagc.cli.outcome import Format, reporting
from dagc.diagnostics import CompileError, Diagnostic

_IGNORED = ".gitignore"
_FILES = {
    "graph.py": "graph.py",
    "test_graph.py": "test_graph.py",
    "make_model.py": "make_model.py",
    "models/late.onnx": "models/late.onnx",
    "requests/express.json": "requests/express.json",
    _IGNORED: "gitignore",  # under its own name it would hide files of this repository
}
"""Every file of the project, and the template it is."""


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where to write; made where it does not exist.")
    ] = Path(),
) -> None:
    """Write a small project to begin with: a graph, its model, a request with its answer, and a test.

    Example: dagc init parcels
    """
    with reporting(Format.TEXT):
        kept = _kept(folder)
        written = [name for name in _FILES if name not in kept]
        _write(folder, written)
    place = "here" if folder == Path() else f"in `{folder}`"
    typer.echo(f"wrote {place}: {', '.join(written)}")
    for name in kept:
        typer.echo(f"left {name} as it is; let it name `/build/`")
    typer.echo(f"next, {place}:")
    typer.echo("  dagc check graph.py            finds mistakes at your own lines")
    typer.echo("  dagc serve graph.py --reload   answers, and follows your edits: http://127.0.0.1:8000/docs")
    typer.echo("  python -m pytest               calls the graph plainly, without a server")


def _kept(folder: Path) -> list[str]:
    """What may stay as it is: a repository mostly has its .gitignore before anything else.

    Raises:
        CompileError: another file of the project exists (E0522).
    """
    there = [name for name in _FILES if os.path.lexists(folder / name)]
    others = [name for name in there if name != _IGNORED]
    if not others:
        return there
    names = ", ".join(f"`{folder / name}`" for name in others)
    help_ = "begin in a folder of its own: `dagc init parcels`"
    verb = "exists" if len(others) == 1 else "exist"
    message = f"{names} {verb} already, and nothing is overwritten"
    raise CompileError.of(Diagnostic("E0522", message, help=help_))


def _write(folder: Path, names: list[str]) -> None:
    """Raises `CompileError` (E0508) when the disk refuses."""
    from dagc.artifacts.render import template_folder

    templates = template_folder().joinpath("init")
    for name in names:
        file = folder / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as new:
                new.write(templates.joinpath(_FILES[name]).read_bytes())
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise CompileError.of(Diagnostic("E0508", f"`{file}` cannot be written: {reason}")) from None
