"""`dagc serve`: a service that answers, is stopped by any of the usual signals, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.running import DAGC, ROOT, dagc, ready_address

pytestmark = [pytest.mark.ort, pytest.mark.port]


@pytest.fixture
def rubbish(tmp_path: Path) -> Path:
    """Where temporary folders are made."""
    made = tmp_path / "rubbish"
    made.mkdir()
    return made


@contextmanager
def started(folder: Path, rubbish: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*DAGC, "serve", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(rubbish)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def service_of(process: subprocess.Popen[str]) -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0])


def soon(is_so: Callable[[], bool]) -> bool:
    """True when something becomes so within twenty seconds."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(0.02)
    return is_so()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_ends_the_service_with_0_and_nothing_is_left(
    folder: Path, rubbish: Path, number: signal.Signals
) -> None:
    with started(folder, rubbish, "graph.py", "--port", "0") as process:
        address = ready_address(process)
        answer = httpx.post(f"{address}/v1/rate", json={"row": [3.0] * 30})
        assert (answer.status_code, answer.json()) == (200, 3.0)
        service = service_of(process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert not Path(f"/proc/{service}").exists()
        assert list(rubbish.iterdir()) == []


def test_a_signal_while_it_builds_leaves_nothing_either(folder: Path, rubbish: Path) -> None:
    (folder / "graph.py").write_text("import time\n\ntime.sleep(30)\n", encoding="utf-8")
    with started(folder, rubbish, "graph.py", "--port", "0") as process:
        assert soon(lambda: any(rubbish.iterdir()))
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (128 + signal.SIGTERM, "")
        assert list(rubbish.iterdir()) == []


def test_the_service_does_not_outlive_a_killed_command(folder: Path, rubbish: Path) -> None:
    with started(folder, rubbish, "graph.py", "--port", "0") as process:
        ready_address(process)
        service = service_of(process)
        process.kill()
        assert soon(lambda: not Path(f"/proc/{service}/fd").exists())


def test_a_service_that_is_killed_is_told_as_such(folder: Path, rubbish: Path) -> None:
    with started(folder, rubbish, "graph.py", "--port", "0") as process:
        ready_address(process)
        os.kill(service_of(process), signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "error[E0703]: service `rate` was killed by SIGKILL" in errors
        assert list(rubbish.iterdir()) == []


def test_a_built_folder_is_served_as_it_is(folder: Path, rubbish: Path) -> None:
    assert dagc("build", "graph.py", "-o", "out", cwd=folder).returncode == 0
    (folder / "graph.py").unlink()
    with started(folder, rubbish, "out", "--port", "0") as process:
        address = ready_address(process)
        assert httpx.post(f"{address}/v1/rate", json={"row": [3.0] * 30}).json() == 3.0
        process.terminate()
        assert process.wait(60) == 0


def test_a_port_in_use_is_told_before_anything_is_built(folder: Path, rubbish: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = dagc("serve", "graph.py", "--port", port, cwd=folder, TMPDIR=str(rubbish))
        demo = dagc("demo", "--port", port, cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error[E0701]: port {port} of 127.0.0.1 is in use\nhelp: ")
    assert (demo.returncode, demo.stderr) == (1, done.stderr)


@pytest.mark.parametrize("host", ["nowhere.invalid", "192.0.2.1"])
def test_an_address_of_another_machine_is_refused(folder: Path, host: str) -> None:
    done = dagc("serve", "graph.py", "--host", host, cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[E0702]: ")


def test_a_service_that_cannot_start_says_why_and_ends_with_1(folder: Path) -> None:
    assert dagc("build", "graph.py", "-o", "out", cwd=folder).returncode == 0
    for model in folder.glob("out/services/*/models/*.onnx"):
        model.write_bytes(b"changed")
    done = dagc("serve", "out", "--port", "0", cwd=folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "model_changed" in done.stderr
    assert "error[E0703]: service `rate` stopped with exit code 1" in done.stderr
    assert "Traceback" not in done.stderr
