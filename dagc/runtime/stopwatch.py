"""An endpoint's glue with a stopwatch on its parts, for one loop turn in `EVERY`: the others pay nothing for it.

The same code runs, but what it looks up is timed (see `stand_ins`).
"""

import asyncio
import functools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from .answer import Answer
from .glue import Coding, Glue
from .observer import Watch
from .settings import StartError
from .stand_ins import Step, with_steps

EVERY = 32
"""Turns for one that is timed: 2 us of stopwatches, spread over so many, are nothing beside 10 us a request."""
DECODE, ENCODE = "json.decode", "json.encode"
"""Nodes of the metrics; a step is `module.name`, and no session's name has a dot."""


class Draw:
    """An endpoint's glue for the next request: the timed one for the first request of a turn in so many."""

    __slots__ = ("_every", "_left", "plain", "timed")

    def __init__(self, plain: Glue) -> None:
        self.plain = plain
        self.timed = plain
        self._every = self._left = 0

    def begin(self, timed: Glue, every: int) -> None:
        """Draw `timed` once in `every` turns from now on; never with 0."""
        self.timed = timed
        self._every = self._left = every

    def next(self) -> Glue:
        """The glue of the turn's first request."""
        self._left -= 1
        if self._left:
            return self.plain
        self._left = self._every
        return self.timed


def timed_every() -> int:
    """DAGC_TIMED_EVERY: turns for one that is timed; 0 times none.

    Raises:
        StartError: `timed_every`.
    """
    text = os.environ.get("DAGC_TIMED_EVERY", str(EVERY))
    if not text.isascii() or not text.isdigit() or int(text) > 1_000_000:
        message = f"DAGC_TIMED_EVERY must be a number from 0 to 1000000, it is `{text[:40]}`"
        raise StartError("timed_every", message)
    return int(text)


def timed(glue: Glue, steps: Sequence[str], watch: Watch) -> Glue:
    """`glue` with a stopwatch on reading, on writing and on each of `steps` (`module.name`)."""
    function = with_steps(glue.function, steps, partial(timed_step, watch))
    return replace(glue, codec=TimedCodec(glue.codec, watch), function=function)


class TimedCodec:
    """A codec whose calls are timed."""

    def __init__(self, codec: Coding, watch: Watch) -> None:
        self._codec = codec
        self._watch = watch

    def decode(self, body: bytes) -> tuple[object, ...]:
        """See `Codec`."""
        begun = time.perf_counter()
        found = self._codec.decode(body)
        self._watch.observer.part(DECODE, time.perf_counter() - begun)
        return found

    def encode(self, value: object) -> Answer:
        """See `Codec`."""
        begun = time.perf_counter()
        found = self._codec.encode(value)
        self._watch.observer.part(ENCODE, time.perf_counter() - begun)
        return found


def timed_step(watch: Watch, step: Step, node: str) -> Step:
    """The step, timed to its end; a step that fails is not counted: how soon it failed says nothing."""

    @functools.wraps(step)
    def call(*arguments: object, **named: object) -> object:
        begun = time.perf_counter()
        found = step(*arguments, **named)
        watch.observer.part(node, time.perf_counter() - begun)
        return found

    @functools.wraps(step)
    async def wait(*arguments: object, **named: object) -> object:
        begun = time.perf_counter()
        found = await cast("Callable[..., asyncio.Future[object]]", step)(*arguments, **named)
        watch.observer.part(node, time.perf_counter() - begun)
        return found

    return wait if asyncio.iscoroutinefunction(step) else call
