"""What holds the event loop is named in a metric and in the log."""

import json
import re
import subprocess
import sys
import threading
import urllib.request

import pytest

from tests.running import ready_address, until

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
    log: list[str] = []
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=built, stdout=pipe, stderr=pipe, text=True) as process:
        address = ready_address(process)
        threading.Thread(target=lambda: log.extend(process.stderr), daemon=True).start()

        def told(how: str, words: str) -> bool:
            """Held once more: on a busy machine the thread that looks may come too late to see who it was."""
            body = json.dumps({"ms": 200, "how": how}).encode()
            asked = urllib.request.Request(f"{address}/v1/held", body, {"content-type": "application/json"})
            assert urllib.request.urlopen(asked, timeout=60).read() == b"200"
            return any(words in line for line in log)

        try:
            until(lambda: told("slept", "`graph.slept` held the event loop for"))
            until(lambda: told("computed", "`graph.computed` held the event loop for"))
            until(lambda: told("plain", "no step, session or codec, but something at graph.py:"))
            text = urllib.request.urlopen(f"{address}/metrics", timeout=60).read().decode()
        finally:
            process.terminate()
    for step in ("graph.slept", "graph.computed"):
        seconds = re.search(rf'dagc_loop_blocked_seconds_sum{{node="{step}"}} (\S+)', text)
        assert seconds is not None and float(seconds[1]) > 0.05
