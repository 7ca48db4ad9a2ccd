"""Runs the child that imports: its own session, no terminal, output in a file, killed with all it started."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from dagc.models.importers.arrays import Array, read_arrays
from dagc.models.importers.order import ANSWERS_FILE, MODEL_FILE, RESULT_FILE, Frame, ImportFailure, Order
from dagc.models.importers.samples import Rows

_PACKAGE = Path(__file__).resolve().parents[3]
_LOG_FILE = "log.txt"
_LOOK_EVERY_S = 0.02
_SHOWN_LINES = 3
_LIMITS = {signal.SIGXCPU: "processor time", signal.SIGKILL: "memory", signal.SIGXFSZ: "file size"}


class Outcome:
    """What a child left in its folder."""

    def __init__(self, work: Path, result: dict[str, object]) -> None:
        self.model = work / MODEL_FILE
        self._result = result
        arrays = read_arrays(work / ANSWERS_FILE)
        self.rows: Rows = {n.removeprefix("input:"): a for n, a in arrays.items() if n.startswith("input:")}
        self.answers: dict[str, Array] = {
            n.removeprefix("output:"): a for n, a in arrays.items() if n.startswith("output:")
        }

    @property
    def files(self) -> dict[str, str]:
        """The SHA-256 of each file that was read for it, by path."""
        found = self._result["files"]
        return {str(name): str(digest) for name, digest in found.items()} if isinstance(found, dict) else {}


def run_child(order: Order, work: Path) -> Outcome:
    """The result of a child that was given the order in `work`.

    Raises:
        ImportFailure: what the child says is wrong, or E0426 when it ended without a word.
    """
    order.write(work)
    ended = _ended(order, work)
    file = work / RESULT_FILE
    if not file.is_file():
        raise _died(order, ended, work)
    result = json.loads(file.read_text(encoding="utf-8"))
    if "failure" in result:
        raise _failure(result["failure"], work)
    return Outcome(work, result)


def _ended(order: Order, work: Path) -> int | None:
    """The child's exit code, negative for a signal; nothing when its time was over."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_PACKAGE), os.environ.get("PYTHONPATH")))),
        "PYTHONHASHSEED": "0",
        "ORT_DISABLE_TELEMETRY": "1",
    }
    command = [sys.executable, "-P", "-m", "dagc.models.importers.child", str(work)]
    with (work / _LOG_FILE).open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            in_time = _waited(process.pid, order.timeout_s)
        finally:
            # The leader is not reaped yet, so the group's number is still the child's own.
            with suppress(ProcessLookupError, PermissionError):  # it is alone and has ended
                os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
    return code if in_time else None


def _waited(process: int, timeout_s: float) -> bool:
    """Whether the process ended in time; it is left to be reaped."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
            return True
        time.sleep(_LOOK_EVERY_S)
    return False


def _died(order: Order, code: int | None, work: Path) -> ImportFailure:
    notes = _last_words(work)
    name = order.qualname
    if code is None or code == -signal.SIGXCPU:
        return ImportFailure(
            "E0426",
            f"importing `{name}` takes longer than {order.timeout_s:g} s",
            notes,
            "allow it more, for example `timeout_s=1800`, or train beforehand and load the result",
        )
    if code >= 0:
        message = f"importing `{name}` ended with exit code {code} before there was a model"
        return ImportFailure("E0426", message, notes, "a `load` function returns; it does not end the process")
    ended = signal.Signals(-code)
    limit = _LIMITS.get(ended)
    reason = f"the limit of {limit} was reached" if limit else "the process crashed, or had no memory left"
    return ImportFailure(
        "E0426",
        f"importing `{name}` was ended by signal {ended.name}: {reason}",
        (f"the limits are {order.memory_mib} MiB and {order.timeout_s:g} s", *notes),
        "allow it more, for example `memory_mib=16384`, or load a smaller model",
    )


def _failure(stored: dict[str, object], work: Path) -> ImportFailure:
    frames = stored["frames"]
    notes = stored["notes"]
    help = stored["help"]
    code = str(stored["code"])
    spoken = _last_words(work) if code == "E0422" else ()
    return ImportFailure(
        code,
        str(stored["message"]),
        (*(str(note) for note in notes), *spoken) if isinstance(notes, list) else spoken,
        None if help is None else str(help),
        tuple(_frame(frame) for frame in frames) if isinstance(frames, list) else (),
    )


def _frame(stored: list[object]) -> Frame:
    file, *numbers = stored
    line, column, end_line, end_column = (number if isinstance(number, int) else 0 for number in numbers)
    return str(file), line, column, end_line, end_column


def _last_words(work: Path) -> tuple[str, ...]:
    """The last lines of what the child printed."""
    try:
        text = (work / _LOG_FILE).read_bytes()[-4096:].decode(errors="replace")
    except OSError:
        return ()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return tuple(f"it printed: {line[:200]}" for line in lines[-_SHOWN_LINES:])
