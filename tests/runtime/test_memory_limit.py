"""How much memory: told by a tree of control groups, and kept by a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from dagc.runtime.memory_limit import memory_limit

ROOT = Path(__file__).parents[2]
GREEDY = """
import sys
from pathlib import Path
from dagc.runtime.memory_limit import keep_within_memory
keep_within_memory(Path(sys.argv[1]))
try:
    bytearray(2**30)
except MemoryError:
    print("refused")
print(len(bytearray(2**24)))
"""


def machine(root: Path, cgroup: str, **files: str) -> Path:
    for path, text in {"proc/self/cgroup": cgroup, **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.mark.parametrize(("text", "limit"), [("268435456\n", 2**28), ("max\n", None), ("", None)])
def test_a_limit_of_version_2(tmp_path: Path, text: str, limit: int | None) -> None:
    assert memory_limit(machine(tmp_path, "0::/\n", **{"sys/fs/cgroup/memory.max": text})) == limit


def test_a_limit_of_version_1_and_its_word_for_none(tmp_path: Path) -> None:
    files = {
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/memory/box/memory.limit_in_bytes": "1048576",
    }
    assert memory_limit(machine(tmp_path, "5:memory:/box\n1:name=systemd:/\n", **files)) == 2**20


def test_the_least_limit_on_the_way_up_counts(tmp_path: Path) -> None:
    files = {"sys/fs/cgroup/pod/memory.max": "1000", "sys/fs/cgroup/pod/box/memory.max": "max"}
    assert memory_limit(machine(tmp_path, "0::/pod/box\n", **files)) == 1000


def test_a_process_is_refused_what_its_groups_do_not_allow_and_lives(tmp_path: Path) -> None:
    root = machine(tmp_path, "0::/\n", **{"sys/fs/cgroup/memory.max": str(2**29)})
    command = [sys.executable, "-c", GREEDY, str(root)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["refused", str(2**24)]
