"""What the run stood on: processor, kernel, versions, and how busy everybody else was while it measured."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

QUIET_CORES = 0.12
"""More CPU than this used by others taints a measurement: it is waited for, and measured again once."""
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Machine:
    """Facts for a reader of the table."""

    processor: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    wrk: str
    dagc: str


def this_machine() -> Machine:
    """The machine this runs on."""
    cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    model = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    meminfo = Path("/proc/meminfo").read_text(encoding="utf-8")
    kib = int((re.search(r"^MemTotal:\s+(\d+)", meminfo, re.MULTILINE) or ["", "0"])[1])
    return Machine(
        processor=model[1] if model else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(kib / 2**20, 1),
        kernel=platform.release(),
        python=platform.python_version(),
        wrk=_wrk(),
        dagc=importlib.metadata.version("dagc"),
    )


def _wrk() -> str:
    """The version of the load generator; nothing where it is not installed."""
    if shutil.which("wrk") is None:
        return ""
    banner = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    return (banner.stdout or banner.stderr).split("[")[0].replace("Copyright", "").strip()


def busy_s() -> float:
    """CPU seconds all processes of this machine have used since it started."""
    fields = [int(field) for field in Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:]]
    user, nice, system, _, _, irq, softirq = fields[:7]
    return (user + nice + system + irq + softirq) / TICKS


def loop_ms() -> float:
    """The time of a fixed Python loop, best of three: shows the machine itself becoming slower or faster."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        sum(number * number for number in range(200_000))
        best = min(best, time.perf_counter() - start)
    return round(best * 1e3, 2)
