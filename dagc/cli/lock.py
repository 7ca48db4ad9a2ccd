"""`dagc lock`: hashes of models and requirements beside the graph; the one command that uses the network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dagc.cli.outcome import Format, counted, reporting, show
from dagc.cli.progress import steps
from dagc.diagnostics import CompileError

if TYPE_CHECKING:
    from dagc.artifacts.lock import Lock
    from dagc.diagnostics import Report


def lock(
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="The graph file.")],
    base: Annotated[
        str | None,
        typer.Option(metavar="IMAGE", help="The image to build on; the one locked before, or python:3.12-slim."),
    ] = None,
    system: Annotated[
        list[str] | None,
        typer.Option(metavar="PACKAGE", help="A system package images get, as libgl1 or libgl1=1.6.0-1."),
    ] = None,
) -> None:
    """Pin what a build is made of: every model, every Python requirement and the base image, by hash.

    The base gets its digest from the container engine, where one runs that has it or can ask its registry. System
    packages are resolved for it by apt.

    Example: dagc lock graphs/tabular/graph.py
    """
    from dagc.artifacts.lock import LOCK_NAME, read_lock
    from dagc.artifacts.system_package import system_package
    from dagc.compile import lock_file
    from dagc.diagnostics import Report

    report = Report(str(source.parent))
    with reporting(Format.TEXT), steps() as watch:
        file = source.parent / LOCK_NAME
        before = read_lock(file)
        needed = tuple(sorted(map(system_package, system))) if system else before.system if before else ()
        locked = lock_file(source, report, watch).model_copy(
            update={"base": _base(base, before), "system": needed}
        )
        if needed:
            watch("resolving system packages")
            locked = _with_system_files(locked, report)
    show(report, Format.TEXT)
    file.write_bytes(locked.content())
    size = f"{counted(len(locked.models), 'model')}, {counted(len(locked.requirements), 'requirement')}"
    typer.echo(f"wrote {file}: {size}")


def _base(wanted: str | None, before: "Lock | None") -> str | None:
    """The image to build on, with its digest where it can be had; nothing for the default without one."""
    from dagc.artifacts.image_name import DEFAULT_BASE, image_name
    from dagc.deploy.base import pinned
    from dagc.deploy.engine import Engine

    kept = before.base if before is not None else None
    name = image_name(wanted) if wanted is not None else kept or DEFAULT_BASE
    try:
        name = pinned(Engine.connect(), name)
    except CompileError:
        return None if name == DEFAULT_BASE else name  # W0701 says so when an image is made
    return None if name == DEFAULT_BASE else name


def _with_system_files(lock: "Lock", report: "Report") -> "Lock":
    """The lock with the files that its base lacks; a warning (W0702) where they cannot be resolved here."""
    from dagc.artifacts.image_name import DEFAULT_BASE
    from dagc.deploy import apt
    from dagc.deploy.base import survey
    from dagc.deploy.engine import Engine
    from dagc.diagnostics import Diagnostic

    try:
        base = survey(Engine.connect(), lock.base or DEFAULT_BASE, lambda *_: None)
    except CompileError as error:
        reason: str | None = error.report.errors[0].message
    else:
        reason = apt.why_not(base)
    if reason is not None:
        message = "system packages are named in the lock, and their files are not"
        help_ = "lock again where an engine with the base and its distribution's apt are, or have them in the base"
        report.add(Diagnostic("W0702", message, notes=(reason,), help=help_))
        return lock
    return lock.model_copy(update={"system_files": apt.resolved(base, lock.system)})
