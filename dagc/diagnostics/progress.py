"""What the compiler is doing now, for whoever wants to show it: rooms tell it, a command listens, nobody must.

Told through the context, so that no function on the way passes it along: it changes no result.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Listener(Protocol):
    """Told what is being done, and how many of how many are done when they are counted (`of` above 0)."""

    def __call__(self, words: str, done: int = 0, of: int = 0, /) -> None:
        """Show it; it may be called thousands of times in a second."""


_listener: ContextVar[Listener | None] = ContextVar("dagc_progress", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """What is told inside the block reaches the listener."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def doing(words: str, done: int = 0, of: int = 0) -> None:
    """Tell the listener, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener(words, done, of)


def counted(items: Sequence[Item], words: str) -> Iterator[Item]:
    """The items, with a word to the listener before each and after the last."""
    for done, item in enumerate(items):
        doing(words, done, len(items))
        yield item
    doing(words, len(items), len(items))
