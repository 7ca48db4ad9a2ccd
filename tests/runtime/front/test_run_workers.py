"""Models in forked workers: right answers for a hundred thousand requests, and one copy of the weights."""

import re
import socket
import threading
from pathlib import Path

import pytest

pytestmark = [pytest.mark.port, pytest.mark.ort]

GRAPH = """
import sqlite3

from pydantic import BaseModel

import dagc


class Pick(BaseModel):
    index: int
    scale: float


@dagc.graph
def pick(pick: Pick) -> float: ...
"""
MAIN = """
service = Service(__file__)
picker = service.session("picker")


@service.endpoint(graph.pick)
async def pick(pick):
    return (await picker(pick.index, pick.scale)).item()


if __name__ == "__main__":
    service.run()
"""
FEEDS = {"index": ("i64", ()), "scale": ("f32", ())}
FETCHES = {"score": ("f32", ())}


@pytest.fixture
def begin(folder, kit, start):
    def make(model: bytes, graph: str = GRAPH, **environment: str):
        ends = [kit.endpoint("pick", parameters=["pick"], body="pick")]
        path = folder.write(graph, MAIN, ends, [(kit.session("picker", FEEDS, FETCHES), model)]).path
        return start("--drain-s", "0", command=(str(path / "main.py"),), **{"DAGC_WORKERS": "2", **environment})

    return make


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def test_a_hundred_thousand_requests_with_ten_percent_poison_get_their_own_answers(begin, picker) -> None:
    """L3, over two workers forked from one warm process: 0 wrong, and poison fails alone."""
    served = begin(picker)
    wrong: list[object] = []

    def ask(first: int) -> None:
        numbers = range(first, first + 12_500)
        bodies = [
            b'{"index":%d,"scale":%d}' % (9_000 + n if n % 10 == 3 else n % 1000, 1 + n % 16) for n in numbers
        ]
        heads = [b"POST /v1/pick HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % len(b) for b in bodies]
        pipe = socket.create_connection(("127.0.0.1", served.port), timeout=60)
        sender = threading.Thread(
            target=pipe.sendall, args=(b"".join(map(b"".join, zip(heads, bodies, strict=True))),)
        )
        sender.start()
        stream = pipe.makefile("rb", buffering=1 << 20)
        for n in numbers:
            status, size = 0, 0
            while (line := stream.readline()) != b"\r\n":
                if line.startswith(b"HTTP"):
                    status = int(line[9:12])
                elif line.startswith(b"content-length"):
                    size = int(line[15:])
            body = stream.read(size)
            wanted = b"%d.0" % (n % 1000 * (1 + n % 16))
            if (status != 500) if n % 10 == 3 else (status, body) != (200, wanted):
                wrong.append((n, status, body))
        sender.join()
        pipe.close()

    clients = [threading.Thread(target=ask, args=(n * 12_500,)) for n in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert wrong == []
    scrape = served.wire().get("/metrics").body.decode()
    assert 'dagc_requests_total{route="/v1/pick",code="200"} 90000\n' in scrape
    assert 'dagc_requests_total{route="/v1/pick",code="500"} 10000\n' in scrape
    assert "dagc_inflight 0\n" in scrape


def private_mb(pid: int) -> float:
    """Memory no other process shares, in MB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kb) for kb in re.findall(r"^Private_\w+: +(\d+) kB", text, re.MULTILINE)) / 1000


def test_weights_of_forked_workers_lie_in_memory_once(begin, kit) -> None:
    """A table of 24 MB, used by both workers, is in neither's own memory."""
    table = kit.model(
        [("Gather", "table index", "found"), ("Mul", "found scale", "score")], FEEDS, FETCHES,
        table=("f32", [6_000_000], range(6_000_000)),
    )  # fmt: skip
    served = begin(table)
    for _ in range(10):
        wire = served.wire()
        assert wire.ask("/v1/pick", {"index": 5_345_678, "scale": 1.0}).json == 5_345_678.0
    workers = children(served.child.pid)
    assert len(workers) == 2
    assert all(private_mb(pid) < 20 for pid in workers), [private_mb(pid) for pid in workers]


@pytest.mark.parametrize(
    ("line", "environment", "reason"),
    [
        ("", {"DAGC_THREADS": "2"}, "sessions have 2 threads"),
        ("OPEN = sqlite3.connect(__file__ + '.sqlite')", {}, "`graph.py.sqlite` is open"),
        ("import threading; threading.Thread(target=__import__('time').sleep, args=(60,), daemon=True).start()",
         {}, "1 threads are running"),
    ],
)  # fmt: skip
def test_what_a_fork_would_break_starts_each_worker_by_itself(begin, picker, line, environment, reason) -> None:
    served = begin(picker, f"{GRAPH}\n\n{line}\n", **environment)
    wires = [served.wire() for _ in range(8)]
    assert [wire.ask("/v1/pick", {"index": 7, "scale": 2.0}).json for wire in wires] == [14.0] * 8
    served.stop()
    assert served.wait() == 0
    assert f"each worker loads the service by itself: {reason}" in served.child.communicate()[1]
