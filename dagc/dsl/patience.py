"""What a user is told while their code runs long, and when they stop it: which of their lines is running.

A build runs a graph file, its bodies and its steps, and cannot know when they are to end. There is no time limit,
because training a model at import may be meant; there is a word after some seconds, and Ctrl-C names the line.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path

from dagc.diagnostics import Diagnostic, Report, Span, Stopped
from dagc.trace.spans import traceback_span, users_innermost_span

_PAUSES_S = (5.0, 25.0)
_LATER_S = 60.0


@contextmanager
def watched(root: Path) -> Iterator[None]:
    """Whoever runs the user's code in `root` inside is told on standard error where it is when it takes long.

    Raises:
        Stopped: E0137, an interrupt came while a line of theirs was running.
    """
    over = threading.Event()
    asked = (threading.get_ident(), root, over)
    threading.Thread(target=_tell, args=asked, name="dagc-patience", daemon=True).start()
    try:
        yield
    except Stopped:
        raise
    except KeyboardInterrupt as interrupt:
        span = traceback_span(interrupt.__traceback__, root)
        if span is None:
            raise
        raise Stopped(_stopped(span, root)) from interrupt
    finally:
        over.set()


def _tell(thread: int, root: Path, over: threading.Event) -> None:
    waited_s = 0.0
    for pause_s in chain(_PAUSES_S, repeat(_LATER_S)):
        if over.wait(pause_s):
            return
        waited_s += pause_s
        span = users_innermost_span(sys._current_frames().get(thread), root)
        if span is not None:
            words = f"after {waited_s:.0f} s `{span.file}` is running line {span.line}; Ctrl-C stops it"
            print(words, file=sys.stderr, flush=True)


def _stopped(span: Span, root: Path) -> Report:
    report = Report(str(root))
    report.add(
        Diagnostic.at(
            "E0137",
            f"interrupted while `{span.file}` was running",
            span,
            "this was running",
            notes=("nothing was written",),
            help="a build runs the file and its steps to read and to prove them: they should end soon",
        )
    )
    return report
