"""Whatever fails and whatever is killed, the output folder holds the old tree or the new one."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dagc.artifacts import write as writing
from dagc.artifacts.tree import ArtifactTree
from dagc.artifacts.write import write
from dagc.diagnostics import CompileError

PLAN = b'{"dagc_version": "0.1.0", "services": []}'
OLD = ArtifactTree({"plan.json": PLAN, "a/one": b"old", "gone": b"old"})
NEW = ArtifactTree({"plan.json": PLAN, "a/one": b"new", "b/c/two": b"new", "three": b"new"})


def on_disk(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def beside(out: Path) -> list[str]:
    return sorted(p.name for p in out.parent.iterdir() if p != out)


def failing(nth: int, code: int, where: str):
    """An opener whose nth file fails when it is opened or written."""
    count = 0

    class Failing:
        def __init__(self, stream) -> None:
            self.stream = stream

        def __enter__(self):
            return self

        def __exit__(self, *_: object) -> None:
            self.stream.close()

        def write(self, content: bytes) -> int:
            self.stream.write(content[: len(content) // 2])
            raise OSError(code, os.strerror(code))

    def opener(path: Path):
        nonlocal count
        count += 1
        if count == nth and where == "open":
            raise OSError(code, os.strerror(code))
        return Failing(path.open("xb")) if count == nth else path.open("xb")

    return opener


def test_a_new_folder_is_made_with_its_parents(tmp_path):
    out = tmp_path / "deep" / "build"
    write(OLD, out)
    assert on_disk(out) == OLD.files and beside(out) == []


def test_an_old_build_is_replaced_whole(tmp_path):
    out = tmp_path / "build"
    write(OLD, out)
    write(NEW, out)
    assert on_disk(out) == NEW.files and beside(out) == []


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "build").mkdir()
    write(NEW, tmp_path / "build")
    assert on_disk(tmp_path / "build") == NEW.files


def test_without_the_exchange_call_two_renames_do_it(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_exchange", lambda one, other: False)
    out = tmp_path / "build"
    write(OLD, out)
    write(NEW, out)
    assert on_disk(out) == NEW.files and beside(out) == []


@pytest.mark.parametrize("where", ["open", "write"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_disk_that_fails_on_any_file_leaves_the_old_tree(tmp_path, code, where):
    out = tmp_path / "build"
    write(OLD, out)
    for nth in range(1, len(NEW.files) + 1):
        with pytest.raises(CompileError) as caught:
            write(NEW, out, opener=failing(nth, code, where))
        (found,) = caught.value.report.diagnostics
        assert found.code == "E0508" and os.strerror(code).lower() in found.message
        assert found.notes == ("the earlier build is as it was",)
        assert on_disk(out) == OLD.files and beside(out) == []


def test_a_disk_that_fails_the_first_time_leaves_nothing(tmp_path):
    with pytest.raises(CompileError, match="E0508"):
        write(NEW, tmp_path / "build", opener=failing(2, errno.ENOSPC, "write"))
    assert list(tmp_path.iterdir()) == []


def test_a_failing_swap_by_hand_brings_the_old_tree_back(tmp_path, monkeypatch):
    out = tmp_path / "build"
    write(OLD, out)
    rename = Path.rename

    def broken(self: Path, target: Path) -> Path:
        if ".dagc-new-" in self.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(writing, "_exchange", lambda one, other: False)
    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(CompileError, match="E0508"):
        write(NEW, out)
    assert on_disk(out) == OLD.files and beside(out) == []


def test_what_dagc_did_not_write_is_not_replaced(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "plan.json").write_text('{"chapters": 7}')
    (tmp_path / "file").write_text("text")
    write(OLD, tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    before = on_disk(tmp_path)
    for name in ("thesis", "file", "link"):
        with pytest.raises(CompileError, match="E0509"):
            write(NEW, tmp_path / name)
    assert on_disk(tmp_path) == before


def test_leftovers_of_killed_builds_are_removed_and_those_of_live_ones_stay(tmp_path):
    out = tmp_path / "build"
    dead, live = tmp_path / ".build.dagc-new-dead", tmp_path / ".build.dagc-new-live"
    other = tmp_path / ".other.dagc-new-dead"
    for folder in (dead, live, other):
        folder.mkdir()
        (folder / "half").write_text("x")
    holder = os.open(live, os.O_RDONLY)
    assert writing._lock(holder)
    write(NEW, out)
    os.close(holder)
    assert on_disk(out) == NEW.files and beside(out) == [live.name, other.name]


def test_a_build_killed_between_two_renames_is_brought_back_before_a_build_that_fails(tmp_path):
    out = tmp_path / "build"
    write(OLD, out)
    out.rename(tmp_path / ".build.dagc-old-1")
    with pytest.raises(CompileError, match="E0508"):
        write(NEW, out, opener=failing(1, errno.ENOSPC, "open"))
    assert on_disk(out) == OLD.files and beside(out) == []


def test_a_writer_killed_at_any_moment_leaves_a_whole_tree(tmp_path):
    out = tmp_path / "build"
    chance = random.Random(7)
    script = Path(__file__).with_name("killed_writer.py")
    for _ in range(12):
        child = subprocess.Popen([sys.executable, script, out], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(chance.random() * 0.05)
        child.send_signal(signal.SIGKILL)
        child.communicate()
        found = on_disk(out)
        assert len(found) == 21 and len(set(found.values())) == 1
    write(NEW, out)
    assert on_disk(out) == NEW.files and beside(out) == []


def test_two_writers_at_once_leave_one_whole_tree(tmp_path):
    out = tmp_path / "build"
    script = Path(__file__).with_name("killed_writer.py")
    children = [subprocess.Popen([sys.executable, script, out], stdout=subprocess.DEVNULL) for _ in range(2)]
    time.sleep(1.5)
    for child in children:
        child.kill()
        child.wait()
    found = on_disk(out)
    assert len(found) == 21 and len(set(found.values())) == 1
