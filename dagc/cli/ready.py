"""What a service prints: the line that says where it serves, and around it what the user's code prints."""

import re
import subprocess
import threading
from typing import IO

_READY = re.compile(r"dagc: .* ready on (http://\S+)\n")
_GRPC = re.compile(r"dagc: .* answers gRPC on \S+\n")


def ready_address(process: "subprocess.Popen[str]", passed_on: IO[str] | None) -> str | None:
    """Where it serves, once it does; nothing when it ended instead.

    All else that it prints goes to `passed_on`, or nowhere: at a pipe that nobody reads it would stand still.
    """
    lines = process.stdout
    if lines is None:
        return None
    for line in lines:
        if found := _READY.fullmatch(line):
            threading.Thread(target=_pass_on, args=(lines, passed_on), name="dagc-output", daemon=True).start()
            return found[1]
        _write(line, passed_on)
    lines.close()
    return None


def _pass_on(lines: IO[str], to: IO[str] | None) -> None:
    with lines:
        for line in lines:
            if not _GRPC.fullmatch(line):
                _write(line, to)


def _write(line: str, to: IO[str] | None) -> None:
    if to is not None:
        to.write(line)
        to.flush()
