"""Settings on a real engine: asked for before anything starts, read as files, and found nowhere else."""

import http.client
import io
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from dagc.deploy.engine import Engine
from dagc.deploy.releases import DOOR, deployment
from tests.containers.service import Service, refused, run

pytestmark = pytest.mark.docker

GRAPH = '''"""Ask another service how dangerous an amount is."""

import dagc

risk = dagc.http("RISK_URL")


@dagc.step(timeout_s=10)
async def danger(amount: float, *, web: dagc.Http = risk) -> float:
    return float((await web.get("/danger", params={"amount": amount}))["danger"])


@dagc.graph(deadline_s=10)
def watch(amount: float) -> float:
    """How dangerous an amount is."""
    return danger(amount)
'''
ROUTE = "/v1/watch"
BODY = b'{"amount": 2}'
CANARY = "canary-5d81f2c6"


class Risk(BaseHTTPRequestHandler):
    """Says that everything is as dangerous as the key it was asked with is right."""

    def do_GET(self) -> None:
        body = json.dumps({"danger": 0.5}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def asked(engine: Engine) -> Iterator[str]:
    """The URL, with a canary in its path, of a server on this machine that containers may reach."""
    (network,) = engine.client.networks(names=["^bridge$"])
    address = network["IPAM"]["Config"][0]["Gateway"]
    with HTTPServer((address, 0), Risk) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://{address}:{server.server_port}/{CANARY}"
        finally:
            server.shutdown()


@contextmanager
def container_in(engine: Engine, network: str) -> Iterator[None]:
    """A container of somebody else's, as a database would be, that joined a network."""
    made = engine.client.create_container("python:3.12-slim", ["python3", "-c", "import time; time.sleep(600)"])
    engine.client.start(made["Id"])
    try:
        engine.client.connect_container_to_network(made["Id"], network)
        yield
    finally:
        engine.remove(made["Id"])


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("watch")
    (home / "graph.py").write_text(GRAPH, encoding="utf-8")
    run("lock", home / "graph.py")
    run("build", home / "graph.py", "-o", home / "build")
    return home / "build"


def answer(port: int) -> tuple[int, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", ROUTE, BODY, {"content-type": "application/json"})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_a_setting_without_a_value_is_told_before_anything_is_made(engine: Engine, tree: Path) -> None:
    said = refused("deploy", tree)
    assert "E0724" in said and "--secret RISK_URL" in said
    found = deployment(engine, "watch")
    assert not found.containers and found.door(DOOR) is None


def test_a_secret_serves_and_is_found_nowhere(
    engine: Engine, tree: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with asked(engine) as url:
        monkeypatch.setenv("RISK_URL", url)
        said = run("deploy", tree, "--port", port, "--secret", "RISK_URL")
        try:
            assert answer(port) == (200, 0.5)
            assert "is unchanged" in run("deploy", tree, "--env", f"RISK_URL={url}"), "a secret, however given"
            service = Service(engine, port, "watch", ROUTE)
            assert service.run_inside("print(open('/run/secrets/RISK_URL').read())").strip() == url
            shown = [said, run("status", "watch", "--format", "json"), run("logs", "watch")]
            shown += [
                path.read_text(encoding="utf-8", errors="replace") for path in tree.rglob("*") if path.is_file()
            ]
            everything = (*service.now.containers, service.now.door(DOOR))
            shown += [json.dumps(engine.client.inspect_container(each.id)) for each in everything if each]
            image = service.now.containers[0].image
            shown += [json.dumps(engine.client.inspect_image(image)), json.dumps(engine.client.history(image))]
            shown += [json.dumps(engine.client.volumes(filters={"label": "dagc.deployment=watch"}))]
            assert not [text for text in shown if CANARY in text]
            layers = io.BytesIO(b"".join(engine.client.get_image(image)))
            assert CANARY.encode() not in layers.getvalue()
        finally:
            with container_in(engine, "dagc-watch-watch"):
                assert "`dagc-watch-watch` stays: others are in it" in run("down", "watch")
            engine.client.remove_network("dagc-watch-watch")
    assert not engine.client.volumes(filters={"label": "dagc.deployment=watch"})["Volumes"]


def test_compose_says_which_file_is_missing_and_takes_it(engine: Engine, tree: Path, tmp_path: Path) -> None:
    command = [os.environ["DAGC_TEST_COMPOSE"], "--file", str(tree / "compose.yaml")]
    without = subprocess.run([*command, "config"], capture_output=True, text=True, check=False)
    assert "RISK_URL_FILE" in without.stderr and "names no file with this secret" in without.stderr
    run("image", tree)
    with asked(engine) as url:
        (tmp_path / "risk").write_text(url, encoding="utf-8")
        told = {**os.environ, "RISK_URL_FILE": str(tmp_path / "risk")}
        try:
            subprocess.run([*command, "up", "--wait"], check=True, timeout=120, env=told)
            assert answer(8000) == (200, 0.5)
        finally:
            subprocess.run([*command, "down", "--timeout", "10"], check=True, timeout=120, env=told)
