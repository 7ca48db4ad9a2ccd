"""A folder as a build writes it, run by `python main.py`: the service behind the real front, over the wire."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.running import until

pytestmark = [pytest.mark.port, pytest.mark.ort]

GRAPH = """
import asyncio

from pydantic import BaseModel

import dagc


class Pick(BaseModel):
    index: int
    scale: float
    note: str = ""


@dagc.graph
def pick(pick: Pick) -> float: ...


@dagc.step
async def wait(ms: int) -> int:
    await asyncio.sleep(ms / 1000)
    return ms


@dagc.graph
def waited(ms: int) -> int: ...
"""
MAIN = """
service = Service(__file__)
picker = service.session("picker")


@service.endpoint(graph.pick)
async def pick(pick):
    return (await picker(pick.index, pick.scale)).item()


@service.endpoint(graph.waited)
async def waited(ms):
    return await graph.wait(ms)


if __name__ == "__main__":
    service.run()
"""


@pytest.fixture
def built(folder, kit, picker):
    """The folder, not started."""
    feeds = {"index": ("i64", ()), "scale": ("f32", ())}
    sessions = [(kit.session("picker", feeds, {"score": ("f32", ())}), picker)]
    endpoints = [
        kit.endpoint("pick", parameters=["pick"], body="pick"),
        kit.endpoint("waited", parameters=["ms"], body=None, waits=True, deadline_s=60.0, max_queue=5),
    ]
    return folder.write(GRAPH, MAIN, endpoints, sessions).path


@pytest.fixture
def served(built: Path, start):
    return start("--drain-s", "0", command=(str(built / "main.py"),))


def test_good_and_bad_requests_are_answered_alike_on_both_ways_in(served) -> None:
    wire = served.wire()
    cases = (
        ({"index": 7, "scale": 2.0}, 200, None), (b"{", 400, None), (b"\xff\xfe", 400, None), (b"", 400, None),
        ({"index": 7}, 422, "scale"), ({"index": "x", "scale": 1}, 422, "index"), ([], 422, None),
        ({"index": 5000, "scale": 1}, 500, None),
    )  # fmt: skip
    for body, status, field in cases:
        plain, odd = wire.ask("/v1/pick", body), wire.ask("/v1/%70ick", body)
        assert (plain.status, plain.body) == (odd.status, odd.body)
        assert plain.status == status, (body, plain.body)
        assert status == 200 or field is None or plain.json["error"]["field"] == field
    assert wire.ask("/v1/pick", {"index": 7, "scale": 2.0}).json == 14.0


def test_poison_fails_alone_among_pipelined_neighbours(served, whole) -> None:
    wire = served.wire()
    indices = [n if n % 7 else 9999 for n in range(200)]
    wire.send(b"".join(whole("/v1/pick", {"index": n, "scale": 1.0}) for n in indices))
    for n in indices:
        reply = wire.read()
        assert (reply.status, reply.json if n != 9999 else None) == ((200, float(n)) if n != 9999 else (500, None))


def test_every_client_gets_its_own_answer(served) -> None:
    wrong: list[object] = []

    def ask(first: int) -> None:
        wire = served.wire()
        for n in range(first, first + 150):
            reply = wire.ask("/v1/pick", {"index": n % 1000, "scale": 1.0})
            if reply.json != float(n % 1000):
                wrong.append((n, reply.body))

    clients = [threading.Thread(target=ask, args=(n * 150,)) for n in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert wrong == []
    scrape = served.wire().get("/metrics").body.decode()
    assert f'dagc_requests_total{{route="/v1/pick",code="200"}} {8 * 150}' in scrape
    assert 'dagc_batch_size_count{session="picker"}' in scrape
    assert "dagc_inflight 0" in scrape


def test_deadlines_and_full_queues_are_told(served) -> None:
    late = served.wire().ask("/v1/waited", {"ms": 5000}, "x-request-timeout-ms: 100")
    assert (late.status, late.code) == (504, "deadline")
    waiting = [served.wire().post("/v1/waited", {"ms": 3000}) for _ in range(5)]
    until(lambda: b"dagc_inflight 5" in served.wire().get("/metrics").body)
    full = served.wire().ask("/v1/waited", {"ms": 1})
    assert (full.status, full.code, full.headers["retry-after"]) == (503, "overloaded", "1")
    assert {wire.read().status for wire in waiting} == {200}
    scrape = served.wire().get("/metrics").body.decode()
    assert 'dagc_shed_total{reason="queue_full"} 1' in scrape
    assert 'dagc_deadline_exceeded_total{stage="waiting"} 1' in scrape


def test_a_client_that_leaves_frees_its_place(served) -> None:
    for _ in range(20):
        gone = served.wire().post("/v1/waited", {"ms": 60_000})
        assert gone.silent(0.02)
        gone.close()
    until(lambda: served.wire().ask("/v1/waited", {"ms": 1}).status == 200)


def test_what_waits_at_shutdown_is_answered(served) -> None:
    wire = served.wire().post("/v1/waited", {"ms": 2000})
    until(lambda: b"dagc_inflight 1" in served.wire().get("/metrics").body)
    served.stop()
    assert wire.read().json == 2000
    assert served.wait() == 0


def spoil(path: Path, change) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda folder: (folder / "models/picker.onnx").unlink(), "model_missing"),
        (lambda folder: (folder / "models/picker.onnx").write_bytes(b"rubbish"), "model_changed"),
        (lambda folder: (folder / "service.json").unlink(), "settings_missing"),
        (lambda folder: (folder / "service.json").write_text("{"), "settings_broken"),
        (lambda folder: (folder / "openapi.json").unlink(), "openapi_missing"),
        (lambda folder: spoil(folder / "service.json", lambda d: d["sessions"].clear()), "glue"),
        (lambda folder: spoil(folder / "service.json", lambda d: d["endpoints"].clear()), "glue"),
    ],
)
def test_a_broken_folder_is_one_line_with_a_code(built: Path, harm, code: str) -> None:
    harm(built)
    done = subprocess.run(
        [sys.executable, "main.py", "--port", "0"], cwd=built, env=os.environ,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert json.loads(done.stderr)["code"] == code
