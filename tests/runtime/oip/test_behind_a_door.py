"""gRPC behind a door: opened while a service runs, and one release after the other answers at it."""

import threading
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc

from tests.running import door, until
from tests.runtime.oip.conftest import inputs, running

pytestmark = pytest.mark.port


def doubled(client: tritonclient.grpc.InferenceServerClient) -> object:
    given = inputs(tritonclient.grpc, counts=np.array([[1, 2]]))
    return client.infer("double", given, client_timeout=60).as_numpy("output").tolist()


def test_a_door_that_opens_late_moves_and_closes_is_served(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "grpc.sock"
    with running(folder, DAGC_GRPC_DOOR=str(path)) as service:
        for _ in range(2):
            with door(path) as port, tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{port}") as client:
                assert doubled(client) == [[2, 4]]
        with tritonclient.grpc.InferenceServerClient(service.grpc) as client:
            assert doubled(client) == [[2, 4]], "its own port does not depend on it"


def test_releases_follow_each_other_without_a_failed_call(folder: Path, tmp_path: Path) -> None:
    path, seen, enough = tmp_path / "grpc.sock", [0, 0, 0], threading.Event()

    def ask(port: int, client_number: int) -> None:
        with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{port}") as client:
            while not enough.is_set():
                assert doubled(client) == [[2, 4]]
                seen[client_number] += 1

    def more() -> None:
        wanted = [count + 20 for count in seen]
        until(lambda: all(now >= then for now, then in zip(seen, wanted, strict=True)), "a client gets no answers")

    with door(path) as port, ExitStack() as last:
        threads = [threading.Thread(target=ask, args=(port, number), daemon=True) for number in range(len(seen))]
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
