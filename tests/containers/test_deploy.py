"""Deploying on a real engine: one release after the other, and nobody's request fails."""

import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from dagc.artifacts.compose import read_compose
from dagc.deploy import images
from dagc.deploy.engine import Engine
from dagc.deploy.releases import DOOR, deployment
from tests import running
from tests.containers.service import GrpcLoad, Load, Service, killed_deploy, refused, run

pytestmark = pytest.mark.docker

Build = Callable[[int], Path]


def test_a_release_serves_and_says_where(deployed: Service) -> None:
    assert deployed.ask() == (200, {"score": 7.5, "release": 1})
    row = json.loads(run("status", "rate", "--format", "json"))[0]
    assert (row["release"], row["address"]) == ("1", f"http://127.0.0.1:{deployed.port}")
    assert f"http://127.0.0.1:{deployed.port}" in run("status")
    assert "rate ready on" in run("logs", "rate")


def test_what_did_not_change_is_not_started_again(deployed: Service, build: Build) -> None:
    before = deployed.container
    assert "is unchanged" in run("deploy", build(1))
    assert deployed.container == before


def test_releases_follow_each_other_and_back_without_a_failed_request(
    deployed: Service, build: Build, free_port: int
) -> None:
    run("deploy", build(1), "--grpc-port", free_port)
    assert json.loads(run("status", "rate", "--format", "json"))[0]["grpc"] == f"127.0.0.1:{free_port}"
    with Load(deployed.port) as load, GrpcLoad(free_port) as calls:
        run("deploy", build(2))
        load.wait_for(100)
        run("rollback", "rate")
        load.wait_for(100)
        run("deploy", build(3))
        load.wait_for(100)
    assert not load.failed and not calls.failed
    assert set(load.seen) == set(calls.seen) == {1, 2, 3}
    assert deployed.ask()[1]["release"] == 3
    kept = [release.number for release in deployed.now.releases]
    assert kept == [3, 1], "what served before stays for a rollback, and nothing else"


def test_a_release_that_does_not_start_leaves_the_one_before_serving(
    deployed: Service, folder: Path, build: Build
) -> None:
    broken = folder.parent / "broken"
    source = (folder / "graph.py").read_text(encoding="utf-8")
    (folder / "graph.py").write_text(
        source + '\nimport os\nif os.getcwd() == "/srv":\n    raise RuntimeError("the licence is missing")\n',
        encoding="utf-8",
    )
    run("build", folder / "graph.py", "-o", broken)
    (folder / "graph.py").write_text(source, encoding="utf-8")
    with Load(deployed.port) as load:
        said = refused("deploy", broken)
        load.wait_for(50)
    assert "E0714" in said and "the licence is missing" in said
    assert not load.failed and set(load.seen) == {1}
    assert [release.number for release in deployed.now.releases] == [1]
    name = read_compose(broken / "compose.yaml").services["rate"].image
    assert images.find(deployed.engine, name) is None, "nor does its image stay"


def test_a_secret_is_a_file_inside_and_stands_nowhere_else(
    deployed: Service, build: Build, tmp_path: Path
) -> None:
    canary = "canary-7f3a91"
    (tmp_path / "token").write_text(canary, encoding="utf-8")
    (tmp_path / "token").chmod(0o644)
    run("deploy", build(1), "--secret", f"token={tmp_path / 'token'}", "--env", "MODE=calm")
    assert deployed.run_inside("print(open('/run/secrets/token').read())").strip() == canary
    assert deployed.run_inside("import os; print(os.environ['MODE'])").strip() == "calm"
    assert "Read-only file system" in deployed.run_inside("open('/run/secrets/token', 'w')")
    assert canary not in json.dumps(deployed.engine.client.inspect_container(deployed.container))
    assert canary not in run("logs", "rate")


def test_a_port_in_use_is_told_and_leaves_nothing(engine: Engine, build: Build) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused("deploy", build(1), "--port", taken.getsockname()[1])
    assert "E0701" in said and str(taken) not in said
    left = deployment(engine, "rate")
    assert not left.door(DOOR) and not left.containers
    assert not engine.client.networks(filters={"label": "dagc.deployment=rate"})


def test_a_service_moves_to_another_port(deployed: Service, build: Build, engine: Engine) -> None:
    port = running.free_port()
    run("deploy", build(1), "--port", port)
    assert Service(engine, port).ask()[0] == 200
    with pytest.raises(OSError, match="refused"):
        deployed.ask()
    assert deployed.now.door(DOOR) is not None


def test_a_deployment_that_is_interrupted_leaves_the_one_before_serving(deployed: Service, build: Build) -> None:
    process = killed_deploy("deploy", build(4))
    assert process.stderr
    for line in process.stderr:
        if line.startswith("start "):
            process.send_signal(signal.SIGINT)
    process.wait(60)
    assert deployed.ask()[1]["release"] == 1
    assert [release.number for release in deployed.now.releases] == [1]


def test_nothing_without_our_labels_is_touched(engine: Engine, build: Build, port: int) -> None:
    client = engine.client
    image = read_compose(build(1) / "compose.yaml").services["rate"].image
    client.create_network("mine")
    mine = client.create_container("python:3.12-slim", ["true"], name="dagc-mine", labels={"dagc.service": "rate"})
    try:
        run("deploy", build(1), "--port", port)
        run("down", "rate")
        assert images.find(engine, image) is not None
        assert engine.container(mine["Id"]) is not None
        assert client.networks(names=["mine"])
        left = [each.name for each in engine.containers({"dagc.deployment": ""})]
        volumes = client.volumes(filters={"label": "dagc.deployment"})["Volumes"]
        assert (left, volumes) == ([], None) or (left, volumes) == ([], [])
    finally:
        client.remove_container(mine["Id"])
        client.remove_network("mine")
