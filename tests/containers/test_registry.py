"""A real registry on loopback: images pushed and pulled by digest, and a base whose digest goes into the lock."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from dagc.deploy import images
from dagc.deploy.engine import Engine
from dagc.deploy.progress import silent
from tests.containers.service import run

pytestmark = pytest.mark.docker

CONFIG = """
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: 127.0.0.1:{port}}}
"""


@pytest.fixture
def registry(tmp_path: Path, port: int) -> Iterator[str]:
    """The address of a registry."""
    (tmp_path / "config.yml").write_text(CONFIG.format(root=tmp_path / "registry", port=port), encoding="utf-8")
    command = ["docker-registry", "serve", str(tmp_path / "config.yml")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                httpx.get(f"http://127.0.0.1:{port}/v2/")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
        process.terminate()


def test_an_image_is_pushed_and_pulled_by_its_digest(
    engine: Engine, build: Callable[[int], Path], registry: str
) -> None:
    said = run("image", build(1), "--push", f"{registry}/team")
    name = next(line.split()[1] for line in said.splitlines() if line.startswith("pushed"))
    assert name.startswith(f"{registry}/team/rate@sha256:")
    before = images.find(engine, name)
    assert before is not None
    tag = f"{registry}/team/rate"
    for each in engine.client.inspect_image(before.id)["RepoTags"]:
        if each.startswith(tag):
            engine.client.remove_image(each)
    assert images.find(engine, name) is None
    assert images.find_or_pull(engine, name, silent).id == before.id


def test_the_base_of_a_lock_has_the_digest_its_registry_gave_it(
    engine: Engine, folder: Path, registry: str, tmp_path: Path
) -> None:
    base = images.find(engine, "python:3.12-slim")
    assert base is not None
    pushed = images.push(engine, base.id, f"{registry}/base/python", "3", silent)
    home = tmp_path / "home"
    shutil.copytree(folder, home)
    run("lock", home / "graph.py", "--base", f"{registry}/base/python:3")
    locked = json.loads((home / "dagc.lock").read_bytes())["base"]
    assert locked == f"{registry}/base/python:3@{pushed.partition('@')[2]}"
    run("build", home / "graph.py", "-o", tmp_path / "build")
    dockerfile = (tmp_path / "build" / "services" / "rate" / "Dockerfile").read_text(encoding="utf-8")
    assert f"ARG BASE={locked}\n" in dockerfile
    assert run("image", tmp_path / "build").startswith("made")
