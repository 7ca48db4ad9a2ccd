"""What is being done now: a line with a bar on a terminal, and nothing anywhere else."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dagc.diagnostics.progress import doing, heard_by


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Shows on standard error what the compiler tells inside the block; gives a function that tells it too."""
    if not sys.stderr.isatty():
        yield doing
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
    from rich.table import Column

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def show(words: str, done: int = 0, of: int = 0) -> None:
            """Bring the line up to date; what begins and what is complete is seen however short it was."""
            shown = bar.tasks[0].description
            bar.update(
                task, description=words, completed=done, total=of or None, refresh=words != shown or done == of
            )

        with heard_by(show):
            yield doing
