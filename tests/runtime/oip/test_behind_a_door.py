"""gRPC behind a door: opened while a service runs, and one release after the other answers at it."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc

from tests.runtime.oip.conftest import inputs, running

pytestmark = pytest.mark.port

DOOR = Path(__file__).parents[3] / "dagc" / "runtime" / "door.py"


@contextmanager
def door(path: Path) -> Iterator[str]:
    """The address of a door that holds a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-I", "-S", str(DOOR), str(path), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == f"holding port {port}\n"
        yield f"127.0.0.1:{port}"
        process.terminate()


def doubled(client: tritonclient.grpc.InferenceServerClient) -> object:
    given = inputs(tritonclient.grpc, counts=np.array([[1, 2]]))
    return client.infer("double", given, client_timeout=30).as_numpy("output").tolist()


def test_a_door_that_opens_late_moves_and_closes_is_served(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "grpc.sock"
    with running(folder, DAGC_GRPC_DOOR=str(path)) as service:
        for _ in range(2):
            with door(path) as address, tritonclient.grpc.InferenceServerClient(address) as client:
                assert doubled(client) == [[2, 4]]
        with tritonclient.grpc.InferenceServerClient(service.grpc) as client:
            assert doubled(client) == [[2, 4]], "its own port does not depend on it"


def test_releases_follow_each_other_without_a_failed_call(folder: Path, tmp_path: Path) -> None:
    path, seen, enough = tmp_path / "grpc.sock", [0, 0, 0], threading.Event()

    def ask(address: str, client_number: int) -> None:
        with tritonclient.grpc.InferenceServerClient(address) as client:
            while not enough.is_set():
                assert doubled(client) == [[2, 4]]
                seen[client_number] += 1

    def more() -> None:
        before, until = list(seen), time.monotonic() + 30
        while any(now < then + 20 for now, then in zip(seen, before, strict=True)):
            assert time.monotonic() < until, "a client gets no answers any more"
            time.sleep(0.02)

    with door(path) as address, ExitStack() as last:
        threads = [
            threading.Thread(target=ask, args=(address, number), daemon=True) for number in range(len(seen))
        ]
        first = last.enter_context(ExitStack())
        first.enter_context(running(folder, "--workers", "2", DAGC_GRPC_DOOR=str(path)))
        for thread in threads:
            thread.start()
        more()
        last.enter_context(running(folder, DAGC_GRPC_DOOR=str(path)))
        first.close()
        more()
        enough.set()
        for thread in threads:
            thread.join()
