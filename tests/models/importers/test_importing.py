"""The child from the parent's side: limits, deaths, what crosses, and the cache."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dagc.models.importers import importing
from dagc.models.importers.importing import imported
from dagc.models.importers.order import Column, ImportFailure, Order
from dagc.models.runner import Runner

pytestmark = pytest.mark.ort

RIDGE = """
from pathlib import Path

def load():
    import numpy as np
    from sklearn.linear_model import Ridge
    Path("called").open("a").write("x")
    slope = float(Path("slope.txt").read_text())
    x = np.arange(20.0)[:, None]
    return Ridge(alpha=0.0).fit(x, slope * x[:, 0])
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGC_CACHE", str(tmp_path / "cache"))
    user = tmp_path / "user"
    user.mkdir()
    (user / "slope.txt").write_text("2")
    return user


def order(folder: Path, text: str, **changes: object) -> Order:
    file = folder / "zoo.py"
    file.write_text(text, encoding="utf-8")
    given: dict[str, object] = {
        "framework": "sklearn", "module": "zoo", "qualname": "load", "path": (str(folder), *sys.path),
        "folder": str(folder), "source": str(file), **changes,
    }  # fmt: skip
    return Order(**given)  # type: ignore[arg-type]


def failure(folder: Path, text: str, **changes: object) -> ImportFailure:
    with pytest.raises(ImportFailure) as caught:
        imported(order(folder, text, **changes), None)
    return caught.value


def answer(model: bytes, x: float) -> float:
    return float(Runner(model).run({"x": np.array([[x]], np.float32)}, ["prediction"])[0][0])


def calls(folder: Path) -> int:
    return len((folder / "called").read_text())


@pytest.mark.slow
def test_a_load_function_becomes_a_model(folder: Path) -> None:
    assert answer(imported(order(folder, RIDGE), None), 10.0) == pytest.approx(20.0)


@pytest.mark.slow
def test_the_second_import_comes_from_the_cache(folder: Path) -> None:
    first = imported(order(folder, RIDGE), None)
    assert imported(order(folder, RIDGE), None) == first
    assert calls(folder) == 1


def test_a_file_that_load_read_counts_without_being_declared(folder: Path) -> None:
    imported(order(folder, RIDGE), None)
    (folder / "slope.txt").write_text("3")
    assert answer(imported(order(folder, RIDGE), None), 10.0) == pytest.approx(30.0)
    assert calls(folder) == 2


@pytest.mark.slow
def test_another_source_other_options_or_example_rows_are_another_import(folder: Path) -> None:
    imported(order(folder, RIDGE), None)
    imported(order(folder, RIDGE + "\n# changed"), None)
    imported(order(folder, RIDGE, columns=(Column("x", "f64", (1,)),)), None)
    imported(order(folder, RIDGE), {"x": np.array([[1.0]], np.float32)})
    assert calls(folder) == 4


@pytest.mark.slow
def test_a_declared_file_counts_even_if_it_is_never_opened(folder: Path) -> None:
    (folder / "weights.bin").write_text("1")
    imported(order(folder, RIDGE, depends=("weights.bin",)), None)
    (folder / "weights.bin").write_text("2")
    imported(order(folder, RIDGE, depends=("weights.bin",)), None)
    assert calls(folder) == 2


@pytest.mark.slow
def test_the_same_files_elsewhere_are_the_same_import(folder: Path, tmp_path: Path) -> None:
    imported(order(folder, RIDGE), None)
    other = tmp_path / "other"
    other.mkdir()
    (other / "slope.txt").write_text("2")
    assert answer(imported(order(other, RIDGE), None), 10.0) == pytest.approx(20.0)
    assert not (other / "called").exists()


@pytest.mark.parametrize("damage", [b"", b"garbage", b'["x", "y"]'])
@pytest.mark.slow
def test_a_damaged_entry_is_ignored_and_written_anew(folder: Path, tmp_path: Path, damage: bytes) -> None:
    first = imported(order(folder, RIDGE), None)
    for file in (tmp_path / "cache").rglob("*.*"):
        file.write_bytes(damage)
    assert imported(order(folder, RIDGE), None) == first
    assert imported(order(folder, RIDGE), None) == first
    assert calls(folder) == 2


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_no_mistake(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DAGC_CACHE", str(tmp_path / "file" / "cache"))
    assert answer(imported(order(folder, RIDGE), None), 1.0) == pytest.approx(2.0)


def test_outputs_are_chosen_by_name(folder: Path) -> None:
    text = """
def load():
    from sklearn.datasets import load_wine
    from sklearn.naive_bayes import GaussianNB
    return GaussianNB().fit(*load_wine(return_X_y=True))
"""
    model = imported(order(folder, text, outputs=("probabilities",)), None)
    assert Runner(model).outputs == ("probabilities",)
    found = failure(folder, text, outputs=("probability",))
    assert (found.code, found.help) == ("E0427", "did you mean `probabilities`?")


def test_a_library_that_is_missing_is_named_with_its_extra(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {"lightgbm": ("no_such_library", "sklearn")}
    monkeypatch.setattr(importing, "_NEEDED", needed)
    found = failure(folder, RIDGE, framework="lightgbm")
    assert found.code == "E0421"
    assert found.message == "`dagc.lightgbm` needs `no_such_library`, which is not installed"
    assert "pip install dagc[lightgbm]" in str(found.help)


def test_an_exception_keeps_its_words_its_line_and_what_was_printed(folder: Path) -> None:
    text = 'def load():\n    print("opening the file")\n    raise OSError("no such bucket")\n'
    found = failure(folder, text)
    assert found.code == "E0422"
    assert found.message == "`load` raises `OSError: no such bucket`"
    assert (Path(found.frames[-1][0]).name, found.frames[-1][1]) == ("zoo.py", 3)
    assert "it printed: opening the file" in found.notes


def test_leaving_python_is_an_exception_like_others(folder: Path) -> None:
    assert "`SystemExit: 3`" in failure(folder, "def load():\n    raise SystemExit(3)\n").message


def test_too_much_memory_is_told_with_the_limit_and_the_line(folder: Path) -> None:
    text = "import numpy as np\n\n\ndef load():\n    return np.ones((200_000, 100_000))\n"
    found = failure(folder, text, memory_mib=1024)
    assert found.code == "E0426"
    assert found.message == "importing `load` needs more than 1024 MiB"
    assert any(Path(file).name == "zoo.py" and line == 5 for file, line, *_ in found.frames)


@pytest.mark.slow
def test_too_much_time_is_told_with_the_limit_and_ends_what_was_started(folder: Path) -> None:
    text = """
import subprocess, sys
from pathlib import Path

def load():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path("grandchild").write_text(str(child.pid))
    child.wait()
"""
    start = time.monotonic()
    found = failure(folder, text, timeout_s=8.0)
    assert (found.code, found.message) == ("E0426", "importing `load` takes longer than 8 s")
    assert time.monotonic() - start < 120
    grandchild = int((folder / "grandchild").read_text())
    while alive(grandchild) and time.monotonic() - start < 120:  # a signal takes its time on a busy machine
        time.sleep(0.05)
    assert not alive(grandchild)


@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("os._exit(4)", "ended with exit code 4 before there was a model"),
        ("os.kill(os.getpid(), 11)", "was ended by signal SIGSEGV: the process crashed, or had no memory left"),
        ("os.kill(os.getpid(), 9)", "was ended by signal SIGKILL: the limit of memory was reached"),
    ],
)
def test_a_process_that_dies_is_told_how(folder: Path, ending: str, words: str) -> None:
    found = failure(folder, f"import os\n\ndef load():\n    {ending}\n")
    assert found.code == "E0426"
    assert words in found.message


@pytest.mark.slow
def test_nothing_is_imported_from_the_folder_the_compiler_was_started_in(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise RuntimeError('shadowed')")
    monkeypatch.chdir(tmp_path)
    assert imported(order(folder, RIDGE), None)


def test_a_model_that_differs_names_its_rows(folder: Path) -> None:
    text = """
def load():
    from sklearn.datasets import load_wine
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    nearest = KNeighborsClassifier(4, weights="distance")
    return make_pipeline(StandardScaler(), nearest).fit(*load_wine(return_X_y=True))
"""
    found = failure(folder, text)
    assert found.code == "E0425"
    assert "answers differently as ONNX, on" in found.message and "of 512 rows" in found.message
    assert any(note.startswith("output `label`: `") and "the original says `" in note for note in found.notes)
    assert any(note.startswith("row ") and "x=[" in note for note in found.notes)


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
