"""`dagc explain CODE`: the page behind a diagnostic."""

from typing import Annotated

import typer

from dagc.diagnostics import pages
from dagc.diagnostics.suggest import did_you_mean


def explain(
    code: Annotated[str | None, typer.Argument(help="A code such as E0203; without one, all are listed.")] = None,
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
        raise typer.BadParameter(f"there is no code `{code}`; {did_you_mean(wanted, pages.codes())}")
    typer.echo(pages.page(wanted), nl=False)
