"""Processes of steps that are killed under load, on one CPU: only their own calls are lost, and none is left."""

import os
import signal
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

pytestmark = [pytest.mark.port]

GRAPH = """
import os
import time

import dagc


@dagc.step(run="process")
def crunched(number: int) -> int:
    time.sleep(0.005)
    return os.getpid()


@dagc.graph
def crunch(number: int) -> int: ...
"""
MAIN = """
service = Service(__file__)
crunched_step = service.step(graph.crunched)


@service.endpoint(graph.crunch)
async def crunch(number):
    return await crunched_step(number)


if __name__ == "__main__":
    service.run()
"""
CLIENTS = 8


@pytest.fixture
def begin(kit, folder, start):
    guards = [{"step": "graph.crunched", "timeout_s": None, "retries": 0, "run": "process"}]
    ends = [kit.endpoint("crunch", parameters=["number"], body=None, waits=True)]
    path = folder.write(GRAPH, MAIN, ends, [], ["graph.crunched"], guards).path

    def make(*command: str, workers: int = 2):
        return start("--drain-s", "0", command=(*command, str(path / "main.py")), DAGC_WORKERS=str(workers))

    return make


@pytest.fixture
def served(begin):
    """One worker on one CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        return begin(workers=1)
    finally:
        os.sched_setaffinity(0, before)


class Load:
    """Clients that ask one after another and remember what they were told."""

    def __init__(self, served) -> None:
        self.statuses: Counter[int] = Counter()
        self.last = 0
        self._served = served
        self._over = threading.Event()
        self._clients = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]
        for client in self._clients:
            client.start()

    def _ask(self) -> None:
        wire = self._served.wire(30)
        while not self._over.is_set():
            reply = wire.ask("/v1/crunch", {"number": 1})
            self.statuses[reply.status] += 1
            if reply.status == 200:
                self.last = int(reply.body)

    def goes_on(self) -> None:
        """Returns when 50 more requests were answered well."""
        wanted = self.statuses[200] + 50
        until(lambda: self.statuses[200] >= wanted)

    def end(self) -> None:
        self._over.set()
        for client in self._clients:
            client.join()


def until(is_so) -> None:
    ends = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.01)


def children(pid: int) -> set[int]:
    return {int(each) for task in Path(f"/proc/{pid}/task").iterdir() for each in _text(task / "children").split()}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # the thread has ended
        return ""


def test_processes_that_are_killed_lose_their_own_calls_only_and_end_with_their_worker(served) -> None:
    worker = served.child.pid
    load = Load(served)
    load.goes_on()
    at_first = children(worker)
    assert len(at_first) == 2
    for _ in range(3):
        before = children(worker)
        os.kill(load.last, signal.SIGKILL)
        until(lambda before=before: len(children(worker)) == 2 and children(worker) != before)
        load.goes_on()
    assert load.statuses[200] + load.statuses[500] == load.statuses.total()
    assert load.statuses[500] <= 3
    for pid in children(worker):
        os.kill(pid, signal.SIGKILL)
    load.goes_on()
    load.end()
    assert set(load.statuses) <= {200, 500, 503, 504}
    assert load.statuses.total() - load.statuses[200] <= 3 + 2
    assert served.wire().get("/ready").status == 200
    left = children(worker)
    assert len(left) == 2 and not left & at_first
    os.kill(worker, signal.SIGKILL)
    until(lambda: not any(_lives(pid) for pid in left))


def _lives(pid: int) -> bool:
    status = _text(Path(f"/proc/{pid}/status"))
    return bool(status) and "State:\tZ" not in status


def test_a_supervisor_that_inherits_what_a_killed_worker_leaves_sees_it_off(begin) -> None:
    """As process 1 of a container does; else every death would leave dead ones until there is room for none."""
    inherits = "import ctypes, os, sys; ctypes.CDLL(None).prctl(36, 1); "  # PR_SET_CHILD_SUBREAPER
    served = begin("-c", inherits + "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])")
    supervisor = served.child.pid
    first, second = children(supervisor)
    left = children(first)
    os.kill(first, signal.SIGKILL)
    until(lambda: len(children(supervisor) - left - {first}) == 2 and not any(map(_lives, left)))
    os.kill(second, signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in left))
