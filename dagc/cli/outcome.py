"""How a command ends: 0 done, 1 the user's graph or world is wrong, 2 usage, 3 our fault; never a traceback.

A command that a signal stops ends as shells write it: 128 and the signal's number.
"""

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

from dagc.diagnostics import CompileError, Report, Stopped
from dagc.diagnostics.json_form import as_json
from dagc.diagnostics.text import render

WRONG = 1
USAGE = 2
OUR_FAULT = 3
INTERRUPTED = 130


class Format(StrEnum):
    """Who reads the output: a person or a program."""

    TEXT = "text"
    JSON = "json"


@contextmanager
def reporting(form: Format) -> Iterator[None]:
    """Turn a `CompileError` of the block into printed diagnostics and exit code 1, an interrupt into 130."""
    try:
        yield
    except Stopped as stopped:
        show(stopped.report, form)
        sys.exit(INTERRUPTED)
    except CompileError as error:
        show(error.report, form)
        sys.exit(WRONG)


def show(report: Report, form: Format) -> None:
    """Print findings: JSON to standard output, text to standard error (in colour on a terminal)."""
    if form is Format.JSON:
        sys.stdout.write(as_json(report))
        return
    color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    sys.stderr.write(render(report, cwd=Path.cwd(), color=color))


def counted(number: int, noun: str) -> str:
    """`1 model`, `2 models`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def confess(error: BaseException) -> NoReturn:
    """Say that dagc itself failed, keep the traceback in a file, and exit with 3."""
    with tempfile.NamedTemporaryFile("w", prefix="dagc-crash-", suffix=".txt", delete=False) as file:
        file.write(f"python {platform.python_version()} on {platform.system()}\n{' '.join(sys.argv)}\n\n")
        traceback.print_exception(error, file=file)
    sys.stderr.write(
        f"error[E0900]: dagc failed, and it is not your graph's fault: {type(error).__name__}\n"
        f"  = note: what happened is in {file.name}\n"
        "help: please report it together with that file; `dagc explain E0900` says how\n"
    )
    sys.exit(OUR_FAULT)
