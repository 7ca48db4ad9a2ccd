"""A graph in two services on a real engine: found by names of a release, apart from all else, replaced as one."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from dagc.deploy import images
from dagc.deploy.engine import Container, Engine
from tests.containers import cut_graph
from tests.containers.service import BODY, Load, Service, refused, run

pytestmark = pytest.mark.docker

ROUTE = "/v1/afar"
ANSWERS = """
import http.client, sys
for host, port in zip(sys.argv[2::2], sys.argv[3::2]):
    try:
        asked = http.client.HTTPConnection(host, int(port), timeout=float(sys.argv[1]))
        asked.request("GET", "/ready")
        print(asked.getresponse().status)
    except OSError:
        print("none")
"""
READY, STRANGE = "200", "501"
"""What services answer, and a server without any methods; of some machines the gateway answers for everybody."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The user's folder."""
    found = tmp_path_factory.mktemp("cut") / "afar"
    cut_graph.write_models(found)
    return found


@pytest.fixture(scope="module")
def cut(engine: Engine, home: Path, free_port: int) -> Iterator[Service]:
    """Release 1, which serves, and is gone afterwards."""
    run("deploy", cut_graph.build(home, 1), "--port", free_port)
    service = Service(engine, free_port, cut_graph.NAME, ROUTE)
    yield service
    used = {container.image for container in service.now.containers}
    run("down", cut_graph.NAME, "--images")
    assert not [image for image in used if images.find(engine, image)]


def of(cut: Service, service: str) -> tuple[Container, ...]:
    current = cut.now.current
    assert current is not None
    return current.of(service)


def python(cut: Service, container: str, code: str, *words: object) -> list[str]:
    """What Python code printed inside a container, by lines."""
    made = cut.engine.client.exec_create(container, ["python3", "-I", "-c", code, *map(str, words)])
    return bytes(cut.engine.client.exec_start(made["Id"])).decode().splitlines()


def pid(cut: Service, container: str) -> int:
    return int(cut.engine.client.inspect_container(container)["State"]["Pid"])


def test_the_front_answers_with_what_the_other_service_found(cut: Service) -> None:
    assert cut.ask() == (200, {"score": 7.5, "release": 1})
    rows = json.loads(run("status", cut_graph.NAME, "--format", "json"))
    assert [row["service"] for row in rows] == ["afar", "scorer"]
    assert [row["address"] != "-" for row in rows] == [True, False]
    logs = run("logs", cut_graph.NAME)
    assert "scorer-1 " in logs and "ready on" in run("logs", cut_graph.NAME, "--service", "scorer")


def test_a_service_of_models_alone_has_an_image_without_what_it_does_not_use(cut: Service) -> None:
    (scorer,) = of(cut, "scorer")
    image = images.find(cut.engine, scorer.image)
    assert image is not None and image.size_bytes < 131 * 2**20
    listed = json.loads("\n".join(python(cut, scorer.name, "print(open('sbom.cdx.json').read())")))
    inside = {component["name"].lower() for component in listed["components"]}
    assert {"dagc", "numpy", "onnxruntime"} <= inside
    assert not {"grpclib", "protobuf", "sqlalchemy", "aiohttp", "opentelemetry-sdk", "requests"} & inside


def test_a_network_has_the_two_ends_of_an_edge_and_no_way_out(cut: Service) -> None:
    (scorer,), front = of(cut, "scorer"), cut.now.current.front
    assert len(scorer.networks) == 1 and scorer.networks <= front.networks
    members = {
        each.name
        for network in scorer.networks
        for each in cut.engine.containers({"dagc.deployment": ""})
        if network in each.networks
    }
    assert members == {scorer.name, front.name}
    inspected = cut.engine.client.inspect_network(*scorer.networks)
    assert inspected["Internal"]


def test_a_service_reaches_its_edges_and_nothing_else(cut: Service) -> None:
    (scorer,), front = of(cut, "scorer"), cut.now.current.front
    listening = "import http.server as h; h.HTTPServer(('', 8000), h.BaseHTTPRequestHandler).serve_forever()"
    stranger = cut.engine.client.create_container(front.image, entrypoint=["python3", "-c", listening])["Id"]
    cut.engine.client.start(stranger)
    try:
        (place,) = cut.engine.client.inspect_container(stranger)["NetworkSettings"]["Networks"].values()
        (inside,) = cut.engine.client.inspect_container(scorer.id)["NetworkSettings"]["Networks"].values()
        with of_machine(place["Gateway"]) as port:
            elsewhere = (place["IPAddress"], 8000, place["Gateway"], port)
            await_answer(cut, stranger)
            assert set(answers(cut, stranger, 20, *elsewhere)) == {STRANGE}, "they do answer"
            assert answers(cut, front.name, 20, "scorer-1", 8000) == [READY]
            for container in (front.name, scorer.name):
                assert answers(cut, container, 1, *elsewhere, "example.com", 80) == ["none"] * 3
        assert answers(cut, stranger, 1, inside["IPAddress"], 8000) != [READY]
    finally:
        cut.engine.remove(stranger)


@contextmanager
def of_machine(address: str) -> Iterator[int]:
    """The port of a server at an address of this machine that containers see."""
    with HTTPServer((address, 0), BaseHTTPRequestHandler) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def await_answer(cut: Service, container: str) -> None:
    """Returns once the server in the container listens."""
    until = time.monotonic() + 60
    while answers(cut, container, 20, "127.0.0.1", 8000) == ["none"]:
        assert time.monotonic() < until
        time.sleep(0.2)


def answers(cut: Service, container: str, timeout_s: float, *places: object) -> list[str]:
    """What is answered at these hosts and ports within so many seconds, asked from inside a container."""
    return python(cut, container, ANSWERS, timeout_s, *places)


def test_no_service_can_do_what_it_need_not(cut: Service) -> None:
    for container in cut.now.current.containers:
        status = dict(
            line.split(":\t", 1)
            for line in Path(f"/proc/{pid(cut, container.id)}/status").read_text().splitlines()
        )
        assert set(status["Uid"].split() + status["Gid"].split()) == {"65532"}
        assert {status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {"0" * 16}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert "Read-only file system" in "".join(python(cut, container.name, "open('/srv/new', 'w')"))


def test_a_killed_service_of_two_is_back_and_few_requests_fail(cut: Service) -> None:
    with Load(cut.port, route=ROUTE) as load:
        os.kill(pid(cut, of(cut, "scorer")[0].id), signal.SIGKILL)
        load.wait_for(100)
        load.wait_for_good(200)
    assert cut.ask()[0] == 200
    assert set(load.seen) <= {1, "status 500", "status 502", "status 503", "status 504"}


def test_a_release_that_speaks_differently_follows_without_a_failed_request(cut: Service, home: Path) -> None:
    before = of(cut, "scorer")[0].name
    with Load(cut.port, route=ROUTE) as load:
        run("deploy", cut_graph.build(home, 2, "narrow", replicas=2))
        load.wait_for(100)
        assert {each.name for each in of(cut, "scorer")}.isdisjoint({before}) and len(of(cut, "scorer")) == 2
        run("rollback", cut_graph.NAME)
        load.wait_for(100)
        assert [each.name for each in of(cut, "scorer")] == [before]
    assert not load.failed
    assert set(load.seen) == {1, 2}


def test_a_service_that_did_not_change_goes_on(cut: Service, home: Path) -> None:
    before = of(cut, "scorer")
    said = run("deploy", cut_graph.build(home, 3))
    assert "the others go on" in said
    assert [each.id for each in of(cut, "scorer")] == [each.id for each in before]
    assert cut.ask()[1]["release"] == 3


def test_a_secret_reaches_the_service_that_asks_for_it_and_a_new_one_makes_a_release(
    cut: Service, home: Path, tmp_path: Path
) -> None:
    canary = "canary-71c9e4"
    tree = cut_graph.build(home, 3)
    (tmp_path / "token").write_text(canary, encoding="utf-8")
    number = cut.now.current.number
    for _ in range(2):
        run("deploy", tree, "--secret", f"token={tmp_path / 'token'}")
    assert cut.now.current.number == number + 1, "the same secret again changes nothing"
    assert python(cut, cut.container, "print(open('/run/secrets/token').read())") == [canary]
    (tmp_path / "token").write_text(canary + "-new", encoding="utf-8")
    run("deploy", tree, "--secret", f"token={tmp_path / 'token'}")
    assert python(cut, cut.container, "print(open('/run/secrets/token').read())") == [canary + "-new"]


def test_what_dies_at_its_start_says_its_last_words_and_changes_nothing(
    cut: Service, home: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "broken"
    shutil.copytree(cut_graph.build(home, 2, "narrow", replicas=2), tree)
    model = next((tree / "services" / "scorer" / "models").iterdir())
    model.write_bytes(b"no model")
    before = [each.name for each in cut.now.current.containers]
    with Load(cut.port, route=ROUTE) as load:
        said = refused("deploy", tree)
        load.wait_for(50)
    assert "E0714" in said and "scorer" in said and "model" in said
    assert not load.failed
    assert [each.name for each in cut.now.current.containers] == before
    assert not [each for each in cut.now.containers if each.labels["dagc.number"] == str(cut.now.next_number)]


def test_compose_brings_up_both_as_they_are(home: Path) -> None:
    tree = cut_graph.build(home, 2, "narrow", replicas=2)
    run("image", tree)
    command = [os.environ["DAGC_TEST_COMPOSE"], "--file", str(tree / "compose.yaml")]
    try:
        subprocess.run([*command, "up", "--wait"], check=True, timeout=120)
        fields = {"content-type": "application/json"}
        answer = httpx.post(f"http://127.0.0.1:8000{ROUTE}", content=BODY, headers=fields)
        assert answer.json() == {"score": 7.5, "release": 2}
        listed = subprocess.run([*command, "ps", "--format", "json"], capture_output=True, text=True, check=True)
        assert [json.loads(line)["Service"] for line in listed.stdout.splitlines()].count("scorer") == 2
    finally:
        subprocess.run([*command, "down", "--timeout", "10"], check=True, timeout=120)
