"""A service that is told to stop, and clients that take their time: what has begun is answered."""

import asyncio
import functools
import importlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import grpc
import httpx
import numpy as np
import pytest
import tritonclient.grpc
from uvicorn.server import ServerState

from tests.runtime.oip.conftest import Running, build, inputs, running
from tests.runtime.oip.test_hostile_grpc import SERVICE, Raw

pytestmark = pytest.mark.port


@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_has_begun_is_answered_and_the_port_is_closed(folder: Path, workers: str) -> None:
    with running(folder, "--workers", workers) as service:
        client = tritonclient.grpc.InferenceServerClient(service.grpc)
        answers: list[object] = []
        done = threading.Event()

        def keep(result: object, error: object) -> None:
            answers.append(error or result.as_numpy("output").tolist())
            done.set()

        client.async_infer("wait", inputs(tritonclient.grpc, seconds=np.array([[1.0]])), callback=keep)
        until = time.monotonic() + 10
        while "dagc_inflight 1" not in httpx.get(f"http://{service.http}/metrics").text:
            assert time.monotonic() < until
            time.sleep(0.02)
        service.process.terminate()
        assert done.wait(20) and answers == [[[1.0]]]
        assert service.process.wait(20) == 0
        client.close()
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", int(service.grpc.rpartition(":")[2])))


def test_a_draining_service_says_that_it_is_not_ready(folder: Path) -> None:
    with running(folder, "--workers", "1", "--drain-s", "3") as service:
        channel = grpc.insecure_channel(service.grpc)
        with channel:
            check = channel.unary_unary("/grpc.health.v1.Health/Check")
            assert check(b"") == b"\x08\x01"
            service.process.terminate()
            until = time.monotonic() + 10
            while check(b"") == b"\x08\x01":
                assert time.monotonic() < until
                time.sleep(0.02)
            assert channel.unary_unary(f"{SERVICE}/ServerLive")(b"") == b"\x08\x01"


@pytest.fixture
def runtime(folder: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Modules of the built service, in this process; its names are given back."""
    names = ("main", "graph", "dagc", "dagc_runtime")
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in names}
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] in names]:
            del sys.modules[name]
        sys.modules.update(before)


def impatient(load: Callable[[str], ModuleType], talk: Callable[[Running], None]) -> None:
    """Serve gRPC in this process with a patience of tenths of seconds, and talk to it from a thread."""
    service = load("main").service
    front_of, metrics_of = load("dagc_runtime.front"), load("dagc_runtime.metrics")
    routes = [model.grpc_route for model in service.models]
    metrics = metrics_of.Metrics((*service.endpoints, *routes), service.sessions, service.parts, service.events)
    patience = front_of.Patience(head_s=0.3, body_s=0.3, stall_s=0.3)
    log = load("dagc_runtime.logs").AccessLog(None)
    connection = load("dagc_runtime.oip.grpc_connection").GrpcConnection

    async def serve() -> None:
        service.warm_up()
        front = front_of.Front(service, metrics, log, service.watch, patience=patience, max_connections=3)
        listener = socket.create_server(("127.0.0.1", 0))
        front.start(asyncio.get_running_loop())
        server = await asyncio.get_running_loop().create_server(
            functools.partial(connection, front, ServerState()), sock=listener
        )
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        await asyncio.to_thread(talk, Running("", place, None))
        server.close()
        front.stopping = True

    asyncio.run(serve())


def test_a_message_that_does_not_come_is_not_waited_for(runtime: Callable[[str], ModuleType]) -> None:
    def talk(service: Running) -> None:
        for content in (b"", b"\x00\x00", b"\x00\x00\x00\x00\x09abc"):
            raw = Raw(service)
            stream = raw.head()
            if content:
                raw.state.send_data(stream, content)
                raw.flush()
            assert raw.fields()[b"grpc-status"] == b"4"

    impatient(runtime, talk)


def test_a_connection_that_says_nothing_is_closed_and_one_too_many_is_not_let_in(
    runtime: Callable[[str], ModuleType],
) -> None:
    def talk(service: Running) -> None:
        address = ("127.0.0.1", int(service.grpc.rpartition(":")[2]))
        silent = [socket.create_connection(address, timeout=20) for _ in range(6)]
        for pipe in silent:
            try:
                while pipe.recv(65536):
                    pass
            except ConnectionError:
                pass
            pipe.close()
        found = Raw(service).ask([], b"\x00\x00\x00\x00\x00", path=f"{SERVICE}/ServerLive".encode())
        assert found[b"grpc-status"] == b"0"

    impatient(runtime, talk)


def test_an_answer_that_nobody_reads_is_given_up(runtime: Callable[[str], ModuleType]) -> None:
    def talk(service: Running) -> None:
        raw = Raw(service)
        raw.state.update_settings({4: 0})  # the window of each stream: nothing may be sent
        raw.flush()
        stream = raw.head(path=f"{SERVICE}/ServerLive".encode())
        raw.state.send_data(stream, b"\x00\x00\x00\x00\x00", end_stream=True)
        raw.flush()
        assert b"grpc-status" not in raw.fields()

    impatient(runtime, talk)


def test_workers_that_start_by_themselves_share_the_port_too(tmp_path: Path) -> None:
    """A thread of the user's module is no thing to fork."""
    text = "import threading\n\nimport dagc\n\n"
    text += "threading.Thread(target=threading.Event().wait, daemon=True).start()\n\n\n"
    text += "@dagc.step\ndef doubled(number: float) -> float:\n    return number * 2\n\n\n"
    text += "@dagc.graph\ndef double(number: float) -> float:\n    return doubled(number)\n"
    with running(build(tmp_path, text), "--workers", "2") as service:
        for _ in range(6):
            client = tritonclient.grpc.InferenceServerClient(service.grpc)
            given = inputs(tritonclient.grpc, number=np.array([[2.0]]))
            assert client.infer("double", given).as_numpy("output").tolist() == [[4]]
            client.close()
