"""A service that is killed under load: callers are told at once, nothing hangs, and it heals."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report
from tests.running import free_port, ready_address, until

pytestmark = pytest.mark.ort

GRAPH = '''
"""Two ways to halve a number elsewhere: one that may run twice and has a fallback, one that has neither."""

import dagc

compute = dagc.service("compute")


@dagc.step(on=compute, retries=1)
async def half(amount: float) -> float:
    return amount / 2


@dagc.step(on=compute)
def third(amount: float) -> float:
    return amount / 3


@dagc.step
def zero() -> float:
    return 0.0


@dagc.graph
def plain(amount: float) -> float:
    return third(amount)


@dagc.graph
def guarded(amount: float) -> float:
    return dagc.fallback(lambda: half(amount), lambda: zero())
'''


@contextmanager
def process(folder: Path, port: int, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    clean = {**os.environ, "DAGC_ACCESS_LOG": "off", **environment}
    command = [sys.executable, "main.py", "--port", str(port), "--drain-s", "0", "--workers", "1"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, env=clean, stdout=pipe, stderr=pipe, text=True) as found:
        try:
            yield found, ready_address(found)
        finally:
            found.kill()


def asking(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=60)


def answered(client: httpx.Client, graph: str) -> int:
    return client.post(f"/v1/{graph}", json={"amount": 6.0}).status_code


def test_a_killed_service_is_told_at_once_and_heals(tmp_path: Path) -> None:
    (tmp_path / "graph.py").write_text(GRAPH, encoding="utf-8")
    write(compile_file(tmp_path / "graph.py", Report(), lambda _words: None).tree, tmp_path / "build")
    folders = tmp_path / "build" / "services"
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with process(folders / "graph", 0, DAGC_SERVICE_COMPUTE=address) as (_, front), asking(front) as client:
        assert answered(client, "plain") == 503  # it is not there yet
        assert client.post("/v1/guarded", json={"amount": 6.0}).headers["x-dagc-degraded"]
        with process(folders / "compute", port) as (compute, _):
            heal(client)
            found = under_load(client, compute)
        assert set(found["plain"]) <= {200, 503}
        assert found["plain"][200] > 0
        assert set(found["guarded"]) == {200}
        assert answered(client, "plain") == 503
        with process(folders / "compute", port):
            heal(client)
        text = client.get("/metrics").text
        assert 'dagc_breaker_state{edge="compute/plain/third"}' in text
        retries = [line for line in text.splitlines() if 'dagc_retries_total{edge="compute/guarded/half"' in line]
        assert any(not line.endswith(" 0") for line in retries)


def under_load(client: httpx.Client, compute: "subprocess.Popen[str]") -> dict[str, Counter[int]]:
    """The statuses of requests before and after the service is killed."""
    with ThreadPoolExecutor(4) as pool:
        asked = {
            graph: [pool.submit(answered, client, graph) for _ in range(150)] for graph in ("plain", "guarded")
        }
        while not any(future.done() for future in asked["plain"][20:]):
            time.sleep(0.01)
        compute.send_signal(signal.SIGKILL)
        return {graph: Counter(future.result() for future in futures) for graph, futures in asked.items()}


def heal(client: httpx.Client) -> None:
    """Wait until the service answers again; the breaker and the pauses between connections are seconds at most."""
    until(lambda: answered(client, "plain") == 200, "it does not heal")
