"""How much memory this process may use, kept by the process itself a little below what its control groups allow.

A request that needs more than that then fails with an error of its own; without it the kernel would kill the
process, and every other request with it.
"""

import ctypes
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from .control_groups import groups, text

SHARE = 0.95
"""What is not private data (code, files, the kernel's own) needs the rest."""


def memory_limit(root: Path = Path("/")) -> int | None:
    """Bytes that the control groups of this process allow, if any of them sets a limit."""
    return min(_limits(root), default=None)


def keep_within_memory(root: Path = Path("/")) -> None:
    """Refuse this process, and those it starts, more private memory than its groups allow (RLIMIT_DATA)."""
    allowed = memory_limit(root) if sys.platform == "linux" else None
    if allowed is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = int(allowed * SHARE)
    if soft == resource.RLIM_INFINITY or wanted < soft:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def give_back() -> None:
    """Return to the kernel what start-up has freed: forked workers would each get a copy of it to fill anew."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's own
    if trim is not None:
        trim(0)


def _limits(root: Path) -> Iterator[int]:
    for group in groups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            found = text(group / name).strip()
            # Version 1 says "no limit" with a number near 2**63.
            if found.isdigit() and 0 < int(found) < 2**60:
                yield int(found)
