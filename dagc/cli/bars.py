"""Bars of what takes long outside the compiler: pulls, builds, pushes, starts; a line each where nobody looks."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bars() -> Iterator[Callable[[str, int, int], None]]:
    """A function told of a task, what of it is done and how much it is: a bar for each task.

    Without a terminal a task is one line on standard error when it begins.
    """
    if not sys.stderr.isatty():
        yield _Lines().told
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        tasks: dict[str, TaskID] = {}

        def told(task: str, done: int, total: int) -> None:
            """Bring the task's bar, or its only line, up to date."""
            if task not in tasks:
                tasks[task] = progress.add_task(task, total=total or None)
            progress.update(tasks[task], completed=done, total=total or None)

        yield told


class _Lines:
    def __init__(self) -> None:
        self._begun: set[str] = set()

    def told(self, task: str, _done: int, _total: int) -> None:
        """Bring the task's bar, or its only line, up to date."""
        if task not in self._begun:
            self._begun.add(task)
            print(task, file=sys.stderr, flush=True)
