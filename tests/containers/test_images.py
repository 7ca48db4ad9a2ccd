"""Images of a real engine: small, layered, told by content, and with a list of what is in them."""

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from dagc.artifacts.compose import read_compose
from dagc.deploy import images
from dagc.deploy.engine import Engine
from tests.containers.service import BODY, ROUTE, GrpcLoad, refused, run

pytestmark = pytest.mark.docker

Build = Callable[[int], Path]


def name_of(build: Path) -> str:
    return read_compose(build / "compose.yaml").services["rate"].image


@contextmanager
def contents(engine: Engine, image: str) -> Iterator[tarfile.TarFile]:
    """The files of an image."""
    made = engine.client.create_container(image)
    try:
        with tarfile.open(fileobj=io.BytesIO(b"".join(engine.client.export(made["Id"])))) as tar:
            yield tar
    finally:
        engine.client.remove_container(made["Id"])


def test_an_image_is_made_once_for_one_content(engine: Engine, build: Build) -> None:
    run("image", build(1))
    before = images.find(engine, name_of(build(1)))
    assert run("image", build(1)).startswith("unchanged")
    assert images.find(engine, name_of(build(1))) == before


def test_a_change_of_python_makes_one_small_layer(engine: Engine, build: Build) -> None:
    layers = []
    for release in (1, 2):
        run("image", build(release))
        layers.append(engine.client.inspect_image(name_of(build(release)))["RootFS"]["Layers"])
    assert layers[0][:-1] == layers[1][:-1] and layers[0][-1] != layers[1][-1]
    history = engine.client.history(name_of(build(2)))
    last = next(step["Size"] for step in history if "COPY" in step["CreatedBy"])
    assert last < 200_000


def test_only_what_runs_is_inside(engine: Engine, build: Build) -> None:
    run("image", build(1))
    found, base = images.find(engine, name_of(build(1))), images.find(engine, "python:3.12-slim")
    assert found is not None and base is not None
    # Without gRPC, which this graph answers over, it is 4 MiB less.
    assert found.size_bytes < 136 * 2**20 and found.size_bytes - base.size_bytes < 102 * 2**20
    with contents(engine, name_of(build(1))) as tar:
        names = tar.getnames()
    inside = {name.removeprefix("srv/") for name in names if name.startswith("srv/")}
    assert {"main.py", "graph.py", "service.json", "sbom.cdx.json", "models"} <= inside
    assert not {"Dockerfile", ".dockerignore", "requirements.txt"} & inside
    assert not any(name.endswith((".pyx", ".pyi", ".h")) for name in inside)
    unused = ("transformers", "libonnxruntime.so", "/onnx/", "_simd.", "_tests.", "sqlalchemy", "aiohttp")
    assert not any(part in name for name in inside for part in unused)
    assert any("__pycache__" in name for name in inside), "a read-only root cannot compile later"


def test_the_list_of_what_is_inside_is_complete_and_labelled(engine: Engine, build: Build) -> None:
    run("image", build(1))
    labels = engine.client.inspect_image(name_of(build(1)))["Config"]["Labels"]
    with contents(engine, name_of(build(1))) as tar:
        document = tar.extractfile("srv/sbom.cdx.json").read()
        installed = {
            n.split("/")[2] for n in tar.getnames() if n.startswith("srv/packages/") and ".dist-info" in n
        }
        said = [n for n in tar.getnames() if n == "var/lib/dpkg/status" or n.startswith("var/lib/dpkg/status.d/")]
        status = "\n".join(tar.extractfile(n).read().decode() for n in said if tar.getmember(n).isfile())
    assert labels["dagc.sbom"] == f"sha256:{sha256(document).hexdigest()}"
    components = json.loads(document)["components"]
    python = [c for c in components if c.get("purl", "").startswith("pkg:pypi/")]
    debian = [c for c in components if c.get("purl", "").startswith("pkg:deb/")]
    assert len(python) == len(installed) + 1 > 10, "the runtime comes from no wheel"
    assert {"libc6", "libstdc++6"} <= {c["name"] for c in debian}
    assert {c["name"] for c in debian} == {
        line.removeprefix("Package: ") for line in status.splitlines() if line.startswith("Package: ")
    }
    assert [c["name"] for c in components if c["type"] == "machine-learning-model"] == ["models/score.onnx"]
    for label in ("dagc.source", "dagc.lock", "dagc.content", "org.opencontainers.image.base.digest"):
        assert "sha256:" in labels[label] or label == "dagc.content"


def test_compose_brings_it_up_as_it_is(build: Build) -> None:
    run("image", build(1))
    command = [os.environ["DAGC_TEST_COMPOSE"], "--file", str(build(1) / "compose.yaml")]
    try:
        subprocess.run([*command, "up", "--wait"], check=True, timeout=120)
        answer = httpx.post(
            f"http://127.0.0.1:8000{ROUTE}", content=BODY, headers={"content-type": "application/json"}
        )
        assert answer.json() == {"score": 7.5, "release": 1}
        with GrpcLoad(8001, clients=1) as calls:
            pass
        assert set(calls.seen) == {1}
    finally:
        subprocess.run([*command, "down", "--timeout", "10"], check=True, timeout=120)


def test_a_base_without_a_digest_is_warned_of(build: Build) -> None:
    assert "W0701" in refused("deploy", build(1), "--cpus", 4096)
