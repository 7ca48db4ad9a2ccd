"""CPU time of a process we started and of all it started, from /proc; nothing elsewhere than on Linux."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(leader: int) -> float | None:
    """Seconds used so far by the processes of the session `leader` leads; `None` where that cannot be told."""
    total, found = 0, False
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[3]) == leader:
            total += int(fields[11]) + int(fields[12])
            found = True
    return total / _TICKS if found else None
