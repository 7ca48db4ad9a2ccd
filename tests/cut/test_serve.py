"""`dagc serve` of a graph in several services: one command, one address, and nothing is left behind."""

import subprocess
from pathlib import Path

import httpx
import pytest

from tests.running import DAGC, ROOT

pytestmark = pytest.mark.ort

GRAPH = '''
"""A number halved elsewhere."""

import os

import dagc

compute = dagc.service("compute")


@dagc.step(on=compute)
def half(amount: float) -> str:
    return f"{amount / 2} by {os.getcwd().rpartition('/')[2]}"


@dagc.graph
def halved(amount: float) -> str:
    return half(amount)
'''


def test_serve_runs_what_the_graphs_own_service_calls_beside_it(tmp_path: Path) -> None:
    (tmp_path / "graph.py").write_text(GRAPH, encoding="utf-8")
    command = [*DAGC, "serve", str(tmp_path / "graph.py"), "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            address = ready_address_of(process)
            answer = httpx.post(f"{address}/v1/halved", json={"amount": 3.0}, timeout=30)
            assert answer.json() == "1.5 by compute"
        finally:
            process.terminate()
            assert process.wait(timeout=60) == 0


def ready_address_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    for line in process.stdout:
        if " ready on " in line:
            return line.rpartition(" ")[2].strip()
    raise AssertionError("it does not start")
