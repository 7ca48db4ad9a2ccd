"""One JSON line a request on stderr, never payloads: errors always, the rest by a sample.

Lines, also those of failures, are kept until the front's sweep hands them to a thread, so that a slow reader of
stderr costs lines (which are counted) and never time on the loop. What nobody takes is lost and stops nothing.
"""

import json
import logging
import os
import queue
import sys
import threading
import time
import traceback
from typing import TextIO

from .settings import StartError

DEFAULT_SAMPLE = 0.01
MAX_HELD_LINES = 10_000


class AccessLog:
    """The lines of one worker. `share` of the answers under 400 is logged; `None` logs nothing at all."""

    def __init__(self, share: float | None) -> None:
        self._share = share
        self._held: list[str] = []
        self._dropped = 0
        self._credit = 0.0
        self._full: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="dagc-log", daemon=True)

    def wants(self, status: int) -> bool:
        """Whether an answer of this status is to be logged; every 1/share-th is, which costs less than a draw."""
        if self._share is None:
            return False
        if status >= 400:
            return True
        self._credit += self._share
        if self._credit < 1.0:
            return False
        self._credit -= 1.0
        return True

    def add(
        self,
        route: str,
        status: int,
        seconds: float,
        request_id: bytes,
        size: int,
        caller: str = "",
        trace_id: str = "",
    ) -> None:
        """Keeps one line until the next flush; `caller` is who asked, where the service knows."""
        line = {
            "time": _now(),
            "level": "info" if status < 500 else "error",
            "request_id": request_id.decode(),
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 3),
            "bytes": size,
        }
        if caller:
            line["caller"] = caller
        if trace_id:
            line["trace_id"] = trace_id
        self.keep(json.dumps(line))

    def keep(self, line: str) -> None:
        """Keeps a line made elsewhere until the next flush."""
        if len(self._held) >= MAX_HELD_LINES:
            self._dropped += 1
        else:
            self._held.append(line)

    def flush(self) -> None:
        """Hands the kept lines to the writing thread, unless it is still busy with the last ones."""
        if not self._held or not self._full.empty():
            return
        if not self._thread.is_alive():
            self._thread.start()
        if self._dropped:
            note = {"time": _now(), "level": "warning", "message": f"{self._dropped} log lines dropped"}
            self._held.append(json.dumps(note))
        held, self._held, self._dropped = self._held, [], 0
        self._full.put("\n".join(held) + "\n")

    def close(self, timeout_s: float = 1.0) -> None:
        """Writes what is left, within `timeout_s`."""
        self.flush()
        if self._thread.is_alive():
            self._full.put(None)
            self._thread.join(timeout_s)

    def _write(self) -> None:
        while (text := self._full.get()) is not None:
            if not write(text, sys.stderr):
                self._dropped += text.count("\n")


class JsonLines(logging.Formatter):
    """The library's own log records as JSON lines. Of an exception: its type and frames, not its text.

    A Python exception's text may repeat what a request held.
    """

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line: dict[str, object] = {
            "time": _now(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            frames = traceback.extract_tb(record.exc_info[2])
            if hasattr(record.exc_info[1], "setting"):
                line["reason"] = str(record.exc_info[1])  # a resource's error, which repeats nothing
            line["frames"] = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        return json.dumps(line)


class _Kept(logging.Handler):
    """Log records among the lines of an access log, whose thread does the writing."""

    def __init__(self, log: AccessLog) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.keep(self.format(record))


def configure(log: AccessLog) -> None:
    """Sends every log record from warnings on to stderr as JSON lines, in order with the lines of `log`."""
    logging.basicConfig(handlers=[_Kept(log)], level=logging.WARNING, force=True)


def tell(level: str, message: str, **more: str) -> None:
    """Write one JSON line to stderr at once; for what is said before or beside the serving."""
    write(json.dumps({"level": level, "message": message, **more}) + "\n", sys.stderr)


def write(text: str, stream: TextIO | None) -> bool:
    """Whether the text was written to a standard stream; a full disk, or a pipe that nobody reads, takes none.

    Past Python's buffer: what lies in it is tried again when the process ends, which then fails (exit code 120).
    """
    if stream is None:  # closed before Python began: its number may be any other file's by now
        return False
    try:
        left = text.encode("utf-8", "backslashreplace")
        while left:
            left = left[os.write(stream.fileno(), left) :]
    except (OSError, ValueError):
        return False
    return True


def read_share(text: str | None) -> float | None:
    """The share that DAGC_ACCESS_LOG asks for: `off`, `all` or a fraction; 1 % by default.

    Raises:
        StartError: `bad_setting`.
    """
    if text is None or text == "":
        return DEFAULT_SAMPLE
    if text in ("off", "all"):
        return None if text == "off" else 1.0
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise StartError("bad_setting", "DAGC_ACCESS_LOG must be `off`, `all` or a fraction from 0 to 1")
    return share


def _now() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
