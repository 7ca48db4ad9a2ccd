"""What a long job tells while it runs: which task, and how far it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with a task's name, what is done and how much it is in all; 0 in all where nobody knows."""


def silent(_task: str, _done: int, _total: int) -> None:
    """Tells nobody."""
