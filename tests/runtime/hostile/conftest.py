"""A built service with every kind of type, served for the tests of this folder."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report
from tests.running import ready_address
from tests.runtime.front.conftest import Wire


@dataclass
class Target:
    """A service under attack."""

    address: str
    process: subprocess.Popen[str]
    folder: Path

    def wire(self, timeout: float = 10.0) -> Wire:
        return Wire(int(self.address.rpartition(":")[2]), timeout)

    def lives(self) -> bool:
        """Whether it is the same process, and answers."""
        return self.process.poll() is None and httpx.get(f"{self.address}/live").status_code == 200

    def metric(self, name: str) -> float:
        """The sum of a family's series."""
        lines = httpx.get(f"{self.address}/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    at = tmp_path_factory.mktemp("hostile")
    shutil.copy(Path(__file__).parent / "types_graph.py", at / "graph.py")
    write(compile_file(at / "graph.py", Report(), lambda _: None).tree, at / "build")
    folder = at / "build" / "services" / "graph"
    process = subprocess.Popen(
        [sys.executable, "main.py", "--port", "0", "--drain-s", "0", "--workers", "1"],
        cwd=folder,
        env={**os.environ, "DAGC_ACCESS_LOG": "off", "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield Target(ready_address(process), process, folder)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
