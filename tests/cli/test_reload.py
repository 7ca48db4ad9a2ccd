"""`dagc serve --reload`: right edits take over without a failed request, wrong ones are told and harm nothing."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from dagc.cli.watched_files import changed, look
from tests.cli.conftest import RIGHT
from tests.cli.test_serve import soon
from tests.running import DAGC, ROOT, dagc

ROW = {"row": [3.0] * 30}


@dataclass(frozen=True)
class Reloading:
    """A running `dagc serve --reload`, its address, and what it says."""

    process: subprocess.Popen[str]
    address: str
    log: Path

    def answer(self) -> object:
        return httpx.post(f"{self.address}/v1/rate", json=ROW, timeout=30).json()

    def says(self, words: str) -> bool:
        return soon(lambda: words in self.log.read_text())

    def service(self) -> int:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        (found,) = (pid for pid in children if b"main.py" in Path(f"/proc/{pid}/cmdline").read_bytes())
        return int(found)


@contextmanager
def reloading(folder: Path) -> Iterator[Reloading]:
    """It is ended by Ctrl-C, with 0, and leaves nothing behind."""
    rubbish, log = folder.parent / "rubbish", folder.parent / "log"
    rubbish.mkdir()
    with log.open("w") as errors, subprocess.Popen(
        [*DAGC, "serve", "graph.py", "--reload", "--port", "0"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(rubbish), "DAGC_ACCESS_LOG": "off"},
        stdout=subprocess.PIPE, stderr=errors, text=True,
    ) as process:  # fmt: skip
        try:
            ready = process.stdout.readline() if process.stdout else ""
            assert " ready on " in ready, log.read_text()
            yield Reloading(process, ready.split()[-1], log)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0, log.read_text()
        finally:
            process.kill()
    assert list(rubbish.iterdir()) == []


def edit(folder: Path, old: str, new: str) -> None:
    (folder / "graph.py").write_text(RIGHT.replace(old, new), encoding="utf-8")


@pytest.mark.ort
@pytest.mark.port
def test_a_right_edit_takes_over_on_the_same_port_and_no_request_fails(folder: Path) -> None:
    seen: list[object] = []
    enough = threading.Event()
    with reloading(folder) as running:

        def ask() -> None:
            while not enough.wait(0.01):
                try:
                    seen.append(running.answer())
                except (httpx.HTTPError, ValueError) as error:
                    seen.append(repr(error))

        asking = threading.Thread(target=ask)
        asking.start()
        edit(folder, "return score(row)", "return score(row) * 2")
        taken_over = soon(lambda: 6.0 in seen)
        enough.set()
        asking.join()
        assert taken_over, running.log.read_text()
        assert running.says("`graph.py` changed: building")
    assert set(seen) == {3.0, 6.0}


@pytest.mark.ort
@pytest.mark.port
def test_a_wrong_edit_is_told_and_the_service_of_before_goes_on(folder: Path) -> None:
    with reloading(folder) as running:
        edit(folder, "f32(30)", "f32(28)")
        assert running.says("error[E0203]: ") and running.says("the service of before goes on")
        assert running.answer() == 3.0
        edit(folder, "# nothing", "")
        assert running.says("nothing of the service has changed")

        os.kill(running.service(), signal.SIGKILL)
        assert running.says("error[E0703]: service `rate` was killed by SIGKILL")
        (folder / "models" / "score.onnx").touch()
        assert running.says("`score.onnx` changed: building")
        assert running.answer() == 3.0, "who comes before it serves waits"


def test_the_files_that_are_looked_at_are_the_users_own(tmp_path: Path) -> None:
    for name in ("graph.py", "parts/model.onnx", "requests/a.json", "dagc.lock", "profile.json", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in ("build/rate/plan.json", "build/rate/main.py", "env/pyvenv.cfg", "env/site.py", ".git/hook.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    elsewhere = tmp_path / "env" / "other.bin"
    elsewhere.touch()
    before = look(tmp_path, [elsewhere, tmp_path / "missing"])
    names = {"graph.py", "parts/model.onnx", "requests/a.json", "dagc.lock", "profile.json", "env/other.bin"}
    assert {file.relative_to(tmp_path).as_posix() for file in before} == names

    (tmp_path / "dagc.lock").unlink()
    (tmp_path / "new.py").touch()
    elsewhere.write_text("longer")
    after = look(tmp_path, [elsewhere])
    assert changed(before, after) == [tmp_path / "dagc.lock", elsewhere, tmp_path / "new.py"]


def test_a_folder_cannot_be_followed_and_a_missing_file_is_told(tmp_path: Path) -> None:
    assert dagc("serve", ".", "--reload", cwd=tmp_path).returncode == 2
    missing = dagc("serve", "graph.py", "--reload", "--port", "0", cwd=tmp_path)
    assert missing.returncode == 1 and missing.stderr.startswith("error[E0100]: ")
