"""What holds the event loop is named in a metric and in the log."""

import json
import os
import re
import subprocess
import sys
import urllib.request

import pytest

from tests.running import ready_address

pytestmark = [pytest.mark.port]

GRAPH = """
import time

import dagc


@dagc.step
def slept(ms: int) -> int:
    time.sleep(ms / 1000)
    return ms


@dagc.step
def computed(ms: int) -> int:
    until = time.monotonic() + ms / 1000
    while time.monotonic() < until:
        pass
    return ms


def plain(ms: int) -> int:
    until = time.monotonic() + ms / 1000
    while time.monotonic() < until:
        sum(range(10))
    return ms


@dagc.graph
def held(ms: int, how: str) -> int: ...
"""
MAIN = """
service = Service(__file__)


@service.endpoint(graph.held)
async def held(ms, how):
    return {"slept": graph.slept, "computed": graph.computed, "plain": graph.plain}[how](ms)


if __name__ == "__main__":
    service.run()
"""


def test_the_step_that_holds_the_loop_is_named(kit, folder) -> None:
    ends = [kit.endpoint("held", parameters=["ms", "how"], body=None)]
    built = folder.write(GRAPH, MAIN, ends, [], ["graph.slept", "graph.computed"]).path
    command = [sys.executable, "main.py", "--port", "0", "--drain-s", "0", "--workers", "1"]
    with subprocess.Popen(
        command, cwd=built, env={**os.environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        address = ready_address(process)
        for how in ("slept", "computed", "plain"):
            body = json.dumps({"ms": 400, "how": how}).encode()
            asked = urllib.request.Request(f"{address}/v1/held", body, {"content-type": "application/json"})
            assert urllib.request.urlopen(asked, timeout=30).read() == b"400"
        text = urllib.request.urlopen(f"{address}/metrics", timeout=30).read().decode()
        process.terminate()
        errors = process.communicate(timeout=30)[1]
    for step in ("graph.slept", "graph.computed"):
        seconds = re.search(rf'dagc_loop_blocked_seconds_sum{{node="{step}"}} (\S+)', text)
        assert seconds is not None
        assert float(seconds[1]) > 0.2
        assert [line for line in errors.splitlines() if f"`{step}` held the event loop for" in line]
    assert "no step, session or codec, but something at graph.py:" in errors
