"""`dagc explain CODE`: the page behind a diagnostic."""

from typing import Annotated

import typer

from dagc.diagnostics import pages
from dagc.diagnostics.suggest import closest


def explain(
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="A code such as E0203; without one, all are listed.")
    ] = None,
) -> None:
    """Explain a diagnostic: what it means, a graph that shows it, and the graph repaired.

    Example: dagc explain E0203
    """
    if code is None:
        for known in pages.codes():
            typer.echo(f"{known}  {pages.title(known)}")
        return
    wanted = code.upper()
    if wanted not in pages.codes():
        near = closest(wanted, pages.codes())
        hint = f"did you mean `{near}`?" if near else "`dagc explain` lists them all"
        raise typer.BadParameter(f"there is no code `{code}`; {hint}", param_hint="CODE")
    typer.echo(pages.page(wanted), nl=False)
