"""The door: two releases share one port, and nobody who connects meanwhile is turned away."""

import http.client
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dagc.runtime.guest import shared
from tests.running import door, ready_address

pytestmark = pytest.mark.port

RUNTIME = Path(__file__).parents[2] / "dagc" / "runtime"
ALONE = Path(__file__).parent / "front" / "served_alone.py"


def release(path: Path, workers: int = 1) -> subprocess.Popen[str]:
    """A release that is ready."""
    process = subprocess.Popen(
        [sys.executable, str(ALONE), "--port", "0", "--drain-s", "0", "--workers", str(workers)],
        env={**os.environ, "DAGC_DOOR": str(path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ready_address(process)
    return process


def status(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/ready")
    return connection.getresponse().status


def test_releases_follow_each_other_on_one_port_without_a_failed_request(tmp_path: Path) -> None:
    with door(tmp_path / "door.sock") as port:
        running = release(tmp_path / "door.sock")
        seen: list[int | str] = []
        enough = threading.Event()

        def ask() -> None:
            while not enough.is_set():
                try:
                    seen.append(status(port))
                except OSError as error:
                    seen.append(repr(error))

        asking = [threading.Thread(target=ask) for _ in range(4)]
        for thread in asking:
            thread.start()
        for workers in (2, 1):
            following = release(tmp_path / "door.sock", workers)
            running.terminate()
            assert running.wait(60) == 0
            running = following
        enough.set()
        for thread in asking:
            thread.join()
        running.terminate()
        running.wait(60)
    assert seen and set(seen) <= {200, 503}, "an answer, if only that this one is leaving"
    assert 200 in seen


def test_who_connects_while_nobody_serves_waits_and_is_served(tmp_path: Path) -> None:
    with door(tmp_path / "door.sock") as port:
        answers: list[int] = []
        early = threading.Thread(target=lambda: answers.append(status(port)))
        early.start()
        process = release(tmp_path / "door.sock")
        early.join(60)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert answers == [200]


def test_a_service_whose_door_is_gone_goes_on_and_is_served_behind_the_next(tmp_path: Path) -> None:
    process = release(tmp_path / "door.sock")
    for _ in range(2):
        with door(tmp_path / "door.sock") as port:
            assert status(port) == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert process.stderr and process.stderr.read().count("door_closed") == 2


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 8, 9, 20])
def test_every_socket_has_a_worker_and_every_worker_a_socket(workers: int) -> None:
    served = [shared(8, worker, workers) for worker in range(workers)]
    assert {at for mine in served for at in mine} == set(range(8))
    assert all(served)


def test_the_probe_tells_a_service_that_is_ready_from_a_port_where_nobody_is(tmp_path: Path) -> None:
    with door(tmp_path / "door.sock") as port:
        process = release(tmp_path / "door.sock")
        probe = [sys.executable, "-I", "-S", str(RUNTIME / "probe.py")]
        ready = subprocess.run(probe, env={"DAGC_PORT": str(port)}, capture_output=True, text=True, check=False)
        process.terminate()
        process.wait(60)
    gone = subprocess.run(probe, env={"DAGC_PORT": str(port)}, capture_output=True, text=True, check=False)
    assert (ready.returncode, ready.stderr) == (0, "")
    assert gone.returncode == 1 and f"port {port}" in gone.stderr
