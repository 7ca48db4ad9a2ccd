"""System packages of an image: resolved for the base, locked by hash, unpacked without a network, and listed."""

import json
import platform
import shutil
from pathlib import Path

import pytest

from dagc.artifacts.compose import read_compose
from dagc.deploy.engine import Engine
from tests.containers.service import refused, run

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(
        shutil.which("apt-get") is None or platform.freedesktop_os_release().get("VERSION_CODENAME") != "bookworm",
        reason="apt here is not that of the tests' base",
    ),
]
LOAD = "import ctypes; print(ctypes.CDLL('libgomp.so.1').omp_get_max_threads() > 0)"
LIST = "import os; print(*sorted(os.listdir('/var/lib/dpkg/status.d')))"


@pytest.fixture(scope="module")
def locked(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with a library that its base lacks."""
    home = tmp_path_factory.mktemp("system") / "rate"
    shutil.copytree(folder, home)
    run("lock", home / "graph.py", "--system", "libgomp1")
    run("build", home / "graph.py", "-o", home / "build")
    return home / "build"


def printed(engine: Engine, image: str, code: str) -> str:
    made = engine.client.create_container(image, ["-c", code], entrypoint=["python3"])
    try:
        engine.client.start(made)
        assert engine.client.wait(made)["StatusCode"] == 0
        return bytes(engine.client.logs(made)).decode().strip()
    finally:
        engine.client.remove_container(made)


def test_a_library_that_the_base_lacks_is_in_the_image_and_in_its_list(engine: Engine, locked: Path) -> None:
    (file,) = json.loads((locked / "dagc.lock").read_text())["system_files"]
    assert file["name"] == "libgomp1" and len(file["sha256"]) == 64
    run("image", locked)
    image = read_compose(locked / "compose.yaml").services["rate"].image
    assert printed(engine, image, LOAD) == "True"
    listed = printed(engine, image, "print(open('sbom.cdx.json').read())")
    debian = {c["name"] for c in json.loads(listed)["components"] if c.get("purl", "").startswith("pkg:deb/")}
    assert debian == set(printed(engine, image, LIST).split()) and "libgomp1" in debian
    assert run("image", locked).startswith("unchanged")


def test_a_file_that_is_not_the_locked_one_is_in_no_image(
    locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    other = tmp_path / "build"
    shutil.copytree(locked, other)
    lock = json.loads((other / "dagc.lock").read_text())
    lock["system_files"][0]["sha256"] = "0" * 64
    (other / "dagc.lock").write_text(json.dumps(lock))
    main = other / "services" / "rate" / "main.py"
    main.write_text(main.read_text() + "# Another content.\n")
    assert "E0731" in refused("image", other)
