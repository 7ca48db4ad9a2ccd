"""How many CPUs this process may use: the least of its affinity and its control groups' quotas.

A host's count says nothing inside a container; workers and threads beyond the limit only wait for each other.
"""

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path


def cpu_limit(root: Path = Path("/")) -> int:
    """Whole CPUs, at least 1; a part of one counts as one. `root` is where `proc` and `sys` are looked for."""
    if sys.platform != "linux":
        return 1
    return max(1, min([len(os.sched_getaffinity(0)), *map(math.ceil, _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """The quotas of this process' groups and of the groups around them, in CPUs."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for group in _with_parents(root / "sys/fs/cgroup", path):
                quota, _, period = _text(group / "cpu.max").partition(" ")
                yield from _share(quota, period)
        elif "cpu" in controllers.split(","):
            for group in _with_parents(root / "sys/fs/cgroup" / controllers, path):
                yield from _share(_text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us"))


def _with_parents(mount: Path, path: str) -> Iterator[Path]:
    # Inside a container the mount is its own group while the path may be the host's: a missing folder is no limit.
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for count in range(len(parts) + 1):
        yield mount.joinpath(*parts[:count])


def _share(quota: str, period: str) -> Iterator[float]:
    if quota.strip().isdigit() and period.strip().isdigit() and int(period):
        yield int(quota) / int(period)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
