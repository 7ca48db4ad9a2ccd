"""Who holds the event loop: while it stands still, nobody is answered, probes included.

The loop beats; a thread that misses a beat looks where the loop's thread is and finds the step in its frames. That
costs a request nothing, and the process a few dozen wake-ups a second.
"""

import asyncio
import inspect
import logging
import pkgutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import CodeType, FrameType

from .codec import Codec
from .events import BLOCKED, UNKNOWN
from .observer import Watch
from .session import Session
from .stopwatch import DECODE, ENCODE

_LOG = logging.getLogger("dagc.runtime")

BEAT_S = 0.025
LONG_S = 0.05
"""Longer than this between two beats, and the loop was held."""
LOGGED_EVERY = 100


class Watchdog:
    """The watch over one worker's loop. `steps` are `module.name`."""

    def __init__(self, steps: Sequence[str], watch: Watch) -> None:
        self._codes = _codes(steps)
        self._watch = watch
        self._beaten = 0.0
        self._holder: str | None = None
        self._place = ""
        """Where the loop was when its holder was looked for."""
        self._seen: Counter[str] = Counter()

    def begin(self) -> None:
        """Watch the running loop from now on, until the process ends."""
        loop = asyncio.get_running_loop()
        self._beaten = time.monotonic()
        loop.call_later(BEAT_S, self._beat, loop)
        thread = threading.get_ident()
        threading.Thread(target=self._look, args=(thread,), name="dagc-watchdog", daemon=True).start()

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        held_s = now - self._beaten - BEAT_S
        holder, self._holder = self._holder, None
        place, self._place = self._place, ""
        self._beaten = now
        if held_s > LONG_S:
            self._tell(holder or UNKNOWN, place, held_s)
        loop.call_later(BEAT_S, self._beat, loop)

    def _tell(self, holder: str, place: str, held_s: float) -> None:
        self._watch.observer.took(BLOCKED, held_s, holder)
        who = f"`{holder}`" if holder != UNKNOWN else _no_step(place)
        self._seen[who] += 1
        if self._seen[who] % LOGGED_EVERY == 1:
            text = "%s held the event loop for %d ms: nobody is answered meanwhile; %d times so far"
            _LOG.warning(text, who, 1000 * held_s, self._seen[who])

    def _look(self, thread: int) -> None:
        """Look at what the loop does whenever it has missed its beat."""
        while True:
            time.sleep(BEAT_S)
            if self._holder is None and time.monotonic() - self._beaten > BEAT_S + LONG_S:
                frame = sys._current_frames().get(thread)
                self._place = _place(frame)
                self._holder = self._found(frame)

    def _found(self, frame: FrameType | None) -> str | None:
        """The innermost step, session or codec among the frames."""
        while frame is not None:
            if (name := self._codes.get(frame.f_code)) is not None:
                return name or str(getattr(frame.f_locals.get("self"), "name", UNKNOWN))
            frame = frame.f_back
        return None


def _no_step(place: str) -> str:
    """Who holds the loop, as far as that is known, where it is no step, session or codec of the service."""
    if place:
        return f"no step, session or codec, but something at {place},"
    return "something that could not be looked at (a library that keeps Python's lock, or a busy machine)"


def _place(frame: FrameType | None) -> str:
    return "" if frame is None else f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def _codes(steps: Sequence[str]) -> Mapping[CodeType, str]:
    """What runs on the loop by its code; a session says its name itself."""
    found = {Codec.decode.__code__: DECODE, Codec.encode.__code__: ENCODE, Session.run.__code__: ""}
    for step in steps:
        named = pkgutil.resolve_name(step)
        function = inspect.unwrap(getattr(named, "__dagc_lists__", named))
        code = getattr(function, "__code__", None) or getattr(
            getattr(function, "__init__", None), "__code__", None
        )
        if isinstance(code, CodeType):
            found[code] = step
    return found
