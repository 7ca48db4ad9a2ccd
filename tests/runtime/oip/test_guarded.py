"""Who may ask over the protocol: whom the endpoint itself lets in, on both ports; health is everybody's."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

from tests.runtime.oip.conftest import CLIENTS, Running, build, inputs, running

pytestmark = pytest.mark.port

GRAPH = """
import dagc


@dagc.step
def doubled(number: float) -> float:
    return number * 2


@dagc.graph(auth=dagc.api_key("ONE_KEYS"))
def one(number: float) -> float:
    return doubled(number)


@dagc.graph(auth=dagc.api_key("OTHER_KEYS"))
def other(number: float) -> float:
    return doubled(number)
"""
KEYS = {"ONE_KEYS": "shop:one-key-0123456789", "OTHER_KEYS": "bank:other-key-0123456789"}
NUMBER = np.array([[2.0]])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(build(tmp_path_factory.mktemp("guarded"), GRAPH), "--workers", "1", **KEYS) as found:
        yield found


def test_no_route_of_the_protocol_but_health_is_open_to_strangers(service: Running) -> None:
    with httpx.Client(base_url=f"http://{service.http}") as client:
        for path in ("/v2/health/live", "/v2/health/ready"):
            assert client.get(path).status_code == 200
        for path in ("/v2", "/v2/models/one", "/v2/models/one/ready", "/v2/models/nobody", "/v2/repository/index"):
            answer = client.get(path)
            assert answer.status_code == 401 and isinstance(answer.json()["error"], str)
        assert client.post("/v2/models/one/infer", content=b"{").status_code == 401


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_a_key_opens_its_own_model_only(service: Running, kind: str) -> None:
    module = CLIENTS[kind]
    client = module.InferenceServerClient(service.address(kind))
    given = inputs(module, number=NUMBER)
    for key, mine, others in (("one-key-0123456789", "one", "other"), ("other-key-0123456789", "other", "one")):
        headers = {"authorization": f"Bearer {key}"}
        assert client.infer(mine, given, headers=headers).as_numpy("output").tolist() == [[4]]
        assert client.get_server_metadata(headers=headers)
        with pytest.raises(InferenceServerException) as refused:
            client.infer(others, given, headers=headers)
        assert refused.value.status() in ("401", "StatusCode.UNAUTHENTICATED")
    for headers in ({}, {"authorization": "Bearer wrong"}):
        with pytest.raises(InferenceServerException) as refused:
            client.infer("one", given, headers=headers)
        assert refused.value.status() in ("401", "StatusCode.UNAUTHENTICATED")
    assert client.is_server_live() and client.is_server_ready()
    client.close()


def test_a_stream_is_opened_by_a_key_and_each_message_asks_again(service: Running) -> None:
    answers: list[object] = []
    for headers in ({}, {"x-api-key": "one-key-0123456789"}):
        client = tritonclient.grpc.InferenceServerClient(service.grpc)
        client.start_stream(
            lambda result, error: answers.append(error or result.as_numpy("output")), headers=headers
        )
        for name in ("one", "other") if headers else ():
            client.async_stream_infer(name, inputs(tritonclient.grpc, number=NUMBER))
        wanted, until = (1 if not headers else 3), time.monotonic() + 20
        while len(answers) < wanted:
            assert time.monotonic() < until
            time.sleep(0.02)
        client.stop_stream()
        client.close()
    assert "UNAUTHENTICATED" in str(answers[0])
    assert answers[-2].tolist() == [[4]] and "x-api-key" in str(answers[-1])


def test_grpc_is_off_without_a_port_and_refused_without_a_model(tmp_path: Path, folder: Path) -> None:
    text = "import dagc\n\n\n@dagc.step\ndef a(x: str) -> dict[str, str]:\n    return {x: x}\n\n\n"
    text += "@dagc.graph\ndef g(x: str) -> dict[str, str]:\n    return a(x)\n"
    command = [sys.executable, "main.py", "--port", "0", "--grpc-port", "0"]
    ended = subprocess.run(
        command, cwd=build(tmp_path, text), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1 and "no graph of this service" in ended.stderr
    command[-1] = "no port"
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1 and "--grpc-port" in ended.stderr
    code = (
        "import sys; sys.argv = ['main.py']; import main; main.service.warm_up();"
        "assert main.service.models;"
        "assert not {'grpclib', 'h2', 'google.protobuf'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], cwd=folder, timeout=60, check=True)


def test_an_application_in_front_leaves_the_protocol_its_paths(tmp_path: Path) -> None:
    text = (
        "import dagc\nfrom fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get('/mine')\ndef mine() -> str:\n"
    )
    text += "    return 'mine'\n\n\n@dagc.step\ndef doubled(number: float) -> float:\n    return number * 2\n\n\n"
    text += "@dagc.graph\ndef twice(number: float) -> float:\n    return doubled(number)\n\n\ndagc.ingress(app)\n"
    with running(build(tmp_path, text), "--workers", "1") as service:
        assert httpx.get(f"http://{service.http}/mine").json() == "mine"
        client = tritonclient.http.InferenceServerClient(service.http)
        given = inputs(tritonclient.http, number=NUMBER)
        assert client.infer("twice", given).as_numpy("output").tolist() == [[4]]
        assert httpx.get(f"http://{service.http}/v2/nothing").json()["error"]
        client.close()
