"""An existing FastAPI application in front of a service answers as it does alone under uvicorn."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Report
from tests.dsl.user_files import score
from tests.running import ROOT, free_port, serving
from tests.runtime.front.conftest import Wire, request

pytestmark = [pytest.mark.port, pytest.mark.ort]

SHOP = Path(__file__).parent / "shop"
HIDDEN = {"date", "server", "connection", "keep-alive"}
ORDER = {"sku": "tea", "amount": 2.5}
CASES = [
    ("GET", "/", {}), ("HEAD", "/items/1", {}), ("GET", "/items/7?tag=a&tag=b&tag=%C3%A4", {}),
    ("GET", "/items/x", {}),
    ("PUT", "/items/1", {"json": ORDER}), ("PUT", "/items/1", {"json": {"sku": "x" * 30}}),
    ("PUT", "/items/1", {"content": b"{"}), ("DELETE", "/items/1", {}), ("PATCH", "/items/1", {}),
    ("GET", "/items/7/", {}), ("POST", "/nowhere", {"json": {}}), ("GET", "/nowhere", {}),
    ("GET", "/headers", {"headers": [("x-one", "1"), ("X-Two", "a"), ("x-two", "b"), ("cookie", "a=1; b=2")]}),
    ("GET", "/cookies", {}), ("GET", "/scope/a%2Fb/%C3%BC%20c?q=%20&r", {}), ("GET", "/scope//double", {}),
    ("GET", "/scope/x", {"headers": {"x-forwarded-for": "9.9.9.9", "x-forwarded-proto": "https"}}),
    ("POST", "/raw", {"content": b"x" * 300_000}), ("POST", "/raw", {"content": iter([b"a" * 9, b"b" * 70_000])}),
    ("POST", "/raw", {"content": b"", "headers": {"content-type": "image/png"}}),
    ("POST", "/raw", {"content": b"%PDF", "headers": {"expect": "100-continue"}}),
    ("GET", "/gone", {}), ("GET", "/elsewhere", {}), ("GET", "/fails", {}), ("GET", "/later", {}),
    ("GET", "/told", {}),
    ("GET", "/members", {}), ("GET", "/members", {"auth": ("shop", "shop")}),
    ("GET", "/stream", {}), ("GET", "/events", {}), ("GET", "/large", {}), ("GET", "/file", {}),
    ("GET", "/file", {"headers": {"range": "bytes=2-5"}}), ("HEAD", "/file", {}), ("GET", "/static/page.txt", {}),
    ("GET", "/static/../graph.py", {}), ("GET", "/static/none", {}), ("GET", "/hello/you", {}),
    ("GET", "/hello", {}),
    ("OPTIONS", "/items/1", {"headers": {"origin": "https://a.example", "access-control-request-method": "PUT"}}),
    ("GET", "/", {"headers": {"origin": "https://a.example"}}), ("OPTIONS", "/items/1", {}), ("TRACE", "/", {}),
    ("GET", "/docs", {}), ("GET", "/redoc", {}), ("GET", "/openapi.json", {}), ("GET", "/inner/docs", {}),
    ("POST", "/checkout", {"json": ORDER}), ("POST", "/checkout", {"json": {"sku": "tea", "amount": -1}}),
    ("POST", "/checkout", {"json": {"sku": "tea", "amount": 2000}}), ("POST", "/handled", {"json": ORDER}),
    ("POST", "/handled", {"json": {"sku": "tea", "amount": 2000}}), ("POST", "/inner/checkout", {"json": ORDER}),
    ("POST", "/inner/checkout", {"json": {"sku": "tea", "amount": 2000}}), ("POST", "/many?count=20", {}),
    ("GET", "/patient?word=soon", {}),
]  # fmt: skip


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("shop") / "source"
    shutil.copytree(SHOP, at, ignore=shutil.ignore_patterns("__pycache__"))
    (at / "models").mkdir()
    (at / "models" / "score.onnx").write_bytes(score())
    return at


@pytest.fixture(scope="module")
def folder(source: Path) -> Path:
    out = source.parent / "build"
    write(compile_file(source / "graph.py", Report(), lambda _: None).tree, out)
    folder = out / "services" / "graph"
    shutil.copytree(source / "static", folder / "static")
    return folder


@pytest.fixture(scope="module")
def alone(source: Path) -> Iterator[str]:
    """The application under plain uvicorn, its graphs as they read."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "graph:app", "--port", str(port), "--log-level", "critical"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(command, cwd=source, env=environment, stderr=subprocess.DEVNULL) as process:
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                httpx.get(f"{address}/told")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield address
        process.terminate()


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[str]:
    """The same application in front of the built service."""
    # One process, as the other: what one route does, the next one sees.
    with serving(folder, environment={**os.environ, "DAGC_WORKERS": "1", "DAGC_ACCESS_LOG": "off"}) as address:
        yield address


@contextmanager
def asked(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


def answer(address: str, case: tuple[str, str, dict[str, object]]) -> tuple[int, list[tuple[str, str]], bytes]:
    method, path, options = case
    if not isinstance(options.get("content", b""), bytes):
        options = {**options, "content": iter([b"a" * 9, b"b" * 70_000])}
    with asked(address) as client:
        got = client.request(method, path, **options)
    headers = sorted((name, value) for name, value in got.headers.multi_items() if name not in HIDDEN)
    port = address.rpartition(":")[2].encode()
    return got.status_code, [(n, v.replace(port.decode(), "PORT")) for n, v in headers], got.content


def test_every_route_answers_as_it_does_alone(alone: str, served: str) -> None:
    found = {index: answer(served, case) for index, case in enumerate(CASES)}
    wanted = {index: answer(alone, case) for index, case in enumerate(CASES)}
    differing = {
        CASES[index][:2]: (found[index], wanted[index]) for index in found if found[index] != wanted[index]
    }
    assert not differing
    assert {status for status, _, _ in found.values()} >= {
        200,
        201,
        204,
        206,
        303,
        307,
        400,
        401,
        404,
        405,
        409,
        410,
        422,
        500,
    }


def test_the_services_own_paths_stay_its_own(served: str) -> None:
    with asked(served) as client:
        answered = client.post("/v1/price", json=ORDER)
        assert answered.json() == client.post("/checkout", json=ORDER).json()
        assert "x-shop" not in answered.headers
        assert client.get("/live").json() == {"status": "live"}
        assert client.get("/ready").json() == {"status": "ready"}
        assert "dagc_requests_total" in client.get("/metrics").text
        assert "/v1/price" in client.get("/dagc/openapi.json").json()["paths"]
        assert 'fetch("openapi.json")' in client.get("/dagc/docs").text
        assert client.get("/dagc/").json()["docs"] == "/dagc/docs"
        assert client.get("/openapi.json").json()["info"]["title"] == "Shop"


def test_graphs_called_together_share_a_run_of_their_model(served: str) -> None:
    with asked(served) as client:
        client.post("/many", params={"count": 64})
        lines = client.get("/metrics").text.splitlines()
    counts = {
        line.split(" ")[0]: float(line.split(" ")[1]) for line in lines if line.startswith("dagc_batch_size")
    }
    (name,) = {line.split("{")[1].split('"')[1] for line in counts if "_bucket" in line}
    few = counts[f'dagc_batch_size_bucket{{session="{name}",le="32"}}']
    assert counts[f'dagc_batch_size_count{{session="{name}"}}'] > few


def test_a_graph_that_is_late_or_full_says_so_in_its_own_way(served: str) -> None:
    with asked(served) as client:
        late = client.get("/patient", params={"word": "late"})
        assert (late.status_code, late.json()["error"]["code"]) == (504, "deadline")
        sooner = client.get("/patient", params={"word": "while"}, headers={"x-request-timeout-ms": "20"})
        assert sooner.status_code == 504
        crowd = client.get("/crowd", params={"count": 1100}).json()
        assert crowd["overloaded"] == 1100 - 1024
        assert crowd["answered"] > 0
        broken = client.post("/checkout", json={"sku": "broken", "amount": 1})
        assert (broken.status_code, broken.json()["error"]["code"]) == (500, "internal")


def test_a_body_over_the_cap_is_refused_before_the_application_sees_it(served: str) -> None:
    with asked(served) as client:
        assert client.post("/raw", content=b"x" * 2**20).status_code == 200
        assert client.post("/raw", content=b"x" * (2**20 + 1)).status_code == 413


def test_odd_requests_reach_the_application_in_their_order(served: str) -> None:
    wire = Wire(int(served.rpartition(":")[2]))
    wire.send(request("/checkout", ORDER, "content-type: application/json") + request("/v1/price", ORDER))
    wire.send(request("/raw", b"abc") + request("/items/3", b"", method="GET", version="1.0"))
    answers = [wire.read() for _ in range(4)]
    assert [each.status for each in answers] == [200] * 4
    assert (answers[2].json["size"], answers[3].json["number"]) == (3, 3)
    assert wire.ended()


def test_an_upgrade_nobody_speaks_is_an_ordinary_request(served: str, alone: str) -> None:
    headers = {"connection": "upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
    for address in (served, alone):
        with asked(address) as client:
            assert client.get("/items/1", headers=headers).json()["number"] == 1


def test_the_application_is_told_of_the_start_and_of_the_end(folder: Path) -> None:
    command = [sys.executable, "main.py", "--port", "0", "--drain-s", "0", "--workers", "2"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, cwd=folder, text=True, **pipes)
    assert process.stdout
    address = process.stdout.readline().rpartition(" ")[2].strip()
    with asked(address) as client:
        assert client.get("/scope/x").json()["first"] == "first"
        assert client.get("/told").json() == ["started"]
    process.send_signal(signal.SIGTERM)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert printed.count("shop closed") == 2


def test_an_application_that_does_not_start_stops_the_service(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    text = (broken / "front.py").read_text()
    (broken / "front.py").write_text(text.replace('told.append("started")', 'raise RuntimeError("no database")'))
    for workers in ("1", "2"):
        command = [sys.executable, "main.py", "--port", "0", "--workers", workers]
        done = subprocess.run(command, cwd=broken, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 1
        assert "the application in front did not start" in done.stderr
        assert "ready on" not in done.stdout


def test_a_client_that_leaves_a_stream_ends_it(served: str) -> None:
    port = int(served.rpartition(":")[2])
    for _ in range(30):
        wire = Wire(port)
        wire.send(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n")
        wire.close()
    with asked(served) as client:
        assert client.get("/items/1").status_code == 200
