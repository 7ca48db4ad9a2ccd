"""How many CPUs this process may use: the least of its affinity and its control groups' quotas.

A host's count says nothing inside a container; workers and threads beyond the limit only wait for each other.
"""

import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from .control_groups import groups, text


def cpu_limit(root: Path = Path("/")) -> int:
    """Whole CPUs, at least 1; a part of one counts as one. `root` is where `proc` and `sys` are looked for."""
    if sys.platform != "linux":
        return 1
    return max(1, min([len(os.sched_getaffinity(0)), *map(math.ceil, _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """The quotas of this process' groups and of the groups around them, in CPUs."""
    for group in groups(root, "cpu"):
        quota, _, period = text(group / "cpu.max").partition(" ")
        yield from _share(quota, period)
        yield from _share(text(group / "cpu.cfs_quota_us"), text(group / "cpu.cfs_period_us"))


def _share(quota: str, period: str) -> Iterator[float]:
    if quota.strip().isdigit() and period.strip().isdigit() and int(period):
        yield int(quota) / int(period)
