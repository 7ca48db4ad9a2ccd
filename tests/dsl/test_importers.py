"""Importers in a user's file: declared, called in a graph and plainly, told at the user's own lines."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dagc.compile import compile_file
from dagc.diagnostics import CompileError, Diagnostic, Report
from dagc.dsl.load import load

pytestmark = pytest.mark.ort

HEAD = '''"""A graph of a test."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(13)]
Chances = Annotated[NDArray[np.float32], f32(3)]


class Classified(NamedTuple):
    label: int
    probabilities: Chances


class Wine(BaseModel):
    row: Row


class Grower(BaseModel):
    grower: int
    chance: float


def load():
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression()).fit(*load_wine(return_X_y=True))


@dagc.step
def answer(label: int, chances: Chances) -> Grower:
    return Grower(grower=label, chance=float(chances.max()))
'''

GRAPH = """
wine = dagc.sklearn(load, returns=Classified)


@dagc.graph
def rate(request: Wine) -> Grower:
    found = wine(request.row)
    return answer(found.label, found.probabilities)
"""

FIRST = [14.23, 1.71, 2.43, 15.6, 127, 2.8, 3.06, 0.28, 2.29, 5.64, 1.04, 3.92, 1065]


@pytest.fixture(autouse=True)
def cached(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cache for all tests of the run: equal declarations are imported once."""
    monkeypatch.setenv("DAGC_CACHE", str(tmp_path_factory.getbasetemp() / "imports"))


def written(folder: Path, text: str) -> Path:
    file = folder / "graph.py"
    file.write_text(HEAD + text, encoding="utf-8")
    return file


def mistakes(folder: Path, text: str) -> tuple[Diagnostic, ...]:
    report = Report()
    load(written(folder, text), report)
    return report.errors


def only(folder: Path, text: str) -> Diagnostic:
    found = mistakes(folder, text)
    assert len(found) == 1, found
    return found[0]


def marked(folder: Path, diagnostic: Diagnostic) -> str:
    """The text under the primary label."""
    span = diagnostic.span
    assert span is not None
    line = (folder / span.file).read_text(encoding="utf-8").splitlines()[span.line - 1]
    return line[span.column - 1 : span.end_column - 1] if span.end_line == span.line else line[span.column - 1 :]


def graph_of(declaration: str, row: str = "request.row") -> str:
    return f"""
wine = {declaration}


@dagc.graph
def rate(request: Wine) -> Grower:
    found = wine({row})
    return answer(found.label, found.probabilities)
"""


@pytest.mark.slow
def test_an_imported_model_is_traced_like_a_file(tmp_path: Path) -> None:
    report = Report()
    (traced,) = load(written(tmp_path, GRAPH), report)
    assert report.diagnostics == ()
    assert list(traced.models) == ["graph.py:load"]
    (key,) = traced.models.values()
    assert [port.name for port in traced.store.signature(key).outputs] == ["label", "probabilities"]


@pytest.mark.slow
def test_a_plain_call_runs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (HEAD + GRAPH).replace('"""A graph of a test."""', '"""Called plainly."""')
    (tmp_path / "plain_wine.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("plain_wine")
    found = module.rate(module.Wine(row=FIRST))
    assert found.grower == 0
    assert found.chance == pytest.approx(0.9999, abs=1e-3)


def test_a_built_tree_answers_without_scikit_learn(tmp_path: Path) -> None:
    compilation = compile_file(written(tmp_path, GRAPH), Report(), lambda _words: None)
    requirements = compilation.tree.files["services/rate/requirements.txt"].decode()
    assert "scikit-learn" not in requirements
    service = tmp_path / "service"
    for name, content in compilation.tree.files.items():
        if name.startswith("services/rate/"):
            file = service / name.removeprefix("services/rate/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    script = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("sklearn", "skl2onnx", "onnx", "joblib", "scipy"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import graph, dagc
print(repr(graph.wine), dagc.__file__)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=service, capture_output=True, text=True, check=False, env={"PATH": ""}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("<inert sklearn(load)>")


@pytest.mark.slow
def test_what_only_load_imports_is_not_carried(tmp_path: Path) -> None:
    (tmp_path / "training.py").write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.datasets import load_wine\n"
        "def trained():\n    return LogisticRegression(max_iter=20).fit(*load_wine(return_X_y=True))\n"
    )
    text = """
def load_trained():
    import training
    return training.trained()
""" + graph_of("dagc.sklearn(load_trained, returns=Classified)")
    report = Report()
    (traced,) = load(written(tmp_path, text), report)
    assert report.diagnostics == ()
    assert [file.name for file in traced.modules] == ["graph.py"]
    assert "sklearn" in traced.sources()["graph.py"].decode(), "the module is shipped unchanged"


@pytest.mark.slow
def test_relative_paths_start_at_the_file_of_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "steps.json").write_text("20")
    monkeypatch.chdir("/")
    text = """
def load_few():
    from pathlib import Path
    from sklearn.datasets import load_wine
    from sklearn.linear_model import LogisticRegression
    return LogisticRegression(max_iter=int(Path("steps.json").read_text())).fit(*load_wine(return_X_y=True))
"""
    assert mistakes(tmp_path, text + graph_of("dagc.sklearn(load_few, returns=Classified)")) == ()


def test_a_record_gives_the_columns_and_float_columns_keep_float64(tmp_path: Path) -> None:
    text = """
class Stone(BaseModel):
    carat: float
    cut: Literal["good", "fair"]


class Rated(BaseModel):
    dear: bool


class Labelled(NamedTuple):
    label: str


def load_stones():
    import numpy as np
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    table = np.array([[0.1 * n, "good" if n % 3 else "fair"] for n in range(50)], object)
    columns = ColumnTransformer([("n", StandardScaler(), [0]), ("w", OneHotEncoder(sparse_output=False), [1])])
    labels = ["dear" if row[0] > 2.5 else "cheap" for row in table]
    return make_pipeline(columns, DecisionTreeClassifier(random_state=0)).fit(table, labels)


stones = dagc.sklearn(load_stones, inputs=Stone, returns=Labelled, example=[{"carat": 2.55, "cut": "fair"}])


@dagc.step
def rated(label: str) -> Rated:
    return Rated(dear=label == "dear")


@dagc.graph
def price(stone: Stone) -> Rated:
    return rated(stones(stone).label)
"""
    report = Report()
    (traced,) = load(written(tmp_path, text), report)
    assert report.diagnostics == ()
    (key,) = traced.models.values()
    assert [str(port.type) for port in traced.store.signature(key).inputs] == ["f64[N, 1]", "str[N, 1]"]


@pytest.mark.slow
def test_one_chosen_output_is_the_answer_itself(tmp_path: Path) -> None:
    text = """
chances = dagc.sklearn(load, outputs=["probabilities"])


@dagc.graph
def rate(request: Wine) -> Chances:
    return chances(request.row)
"""
    assert mistakes(tmp_path, text) == ()


def test_an_exception_of_load_is_told_at_its_line_with_the_declaration_beside(tmp_path: Path) -> None:
    text = """
def broken():
    table = {"a": 1}
    return table["b"]
""" + graph_of("dagc.sklearn(broken)")
    found = only(tmp_path, text.replace("found.label, found.probabilities", "found, found"))
    assert found.code == "E0422"
    assert found.message == "`broken` raises `KeyError: 'b'`"
    assert marked(tmp_path, found) == 'table["b"]'
    assert [label.text for label in found.labels] == ["raised here", "declared here"]


@pytest.mark.parametrize(
    ("declaration", "words"),
    [
        ("dagc.sklearn(lambda: None)", "a lambda has no name to import"),
        ('dagc.sklearn("models/wine.pkl")', "is given a `str`, not a function that returns a model"),
        ("dagc.sklearn(answer.missing if False else load, inputs=3)", "`inputs=`"),
        ('dagc.sklearn(load, inputs={"x": list[str]})', "`x` is `list[str]`, which is no column"),
        ("dagc.sklearn(load, inputs={})", "declares no columns"),
        ('dagc.sklearn(load, outputs="label")', "`outputs=` is a list of strings"),
        ("dagc.sklearn(load, memory_mib=0)", "`memory_mib=` is a number above 0"),
        ("dagc.sklearn(load, exmaple=[[1.0]])", "takes no option `exmaple`"),
        ("dagc.sklearn(load, example=[1.0])", "`example=` has 1 axes"),
        ("dagc.sklearn(takes)", "`takes` takes arguments"),
        ('dagc.torch(load, "image")', "the example of `dagc.torch` holds a `str`"),
    ],
)
def test_a_declaration_that_cannot_work_is_told_where_it_stands(
    tmp_path: Path, declaration: str, words: str
) -> None:
    found = only(tmp_path, "\ndef takes(path):\n    return path\n\n" + graph_of(declaration))
    assert found.code == "E0420"
    assert words in found.message
    assert marked(tmp_path, found) == declaration


def test_a_failed_import_is_told_once_and_runs_once(tmp_path: Path) -> None:
    text = """
def broken():
    from pathlib import Path
    Path("called").open("a").write("x")
    raise OSError("gone")


wine = dagc.sklearn(broken)


@dagc.graph
def rate(request: Wine) -> Grower:
    return answer(wine(request.row), wine(request.row))


@dagc.graph
def again(request: Wine) -> Grower:
    return answer(wine(request.row), wine(request.row))
"""
    assert only(tmp_path, text).code == "E0422"
    assert (tmp_path / "called").read_text() == "x"


def test_a_plain_call_of_a_broken_import_raises_its_diagnostic(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = HEAD.replace("A graph", "A broken graph") + "\nnothing = dagc.sklearn(dict)\n"
    (tmp_path / "plain_broken.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("plain_broken")
    with pytest.raises(CompileError, match="E0420"):
        module.nothing(np.zeros(13, np.float32))


def test_the_lock_names_the_function(tmp_path: Path) -> None:
    compilation = compile_file(written(tmp_path, GRAPH), Report(), lambda _words: None)
    assert json.loads(compilation.tree.files["equivalence.json"])[0]["graph"] == "rate"
    assert list(compilation.planned.traced[0].models) == ["graph.py:load"]


@pytest.mark.frameworks
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_a_booster_goes_all_the_way(tmp_path: Path, library: str) -> None:
    pytest.importorskip(library, reason=f"{library} is an extra: `make frameworks` tries it")
    kind = (
        "xgboost import XGBClassifier as Model"
        if library == "xgboost"
        else "lightgbm import LGBMClassifier as Model"
    )
    text = f"""
def load_booster():
    from sklearn.datasets import load_wine
    from {kind}
    return Model(n_estimators=10).fit(*load_wine(return_X_y=True))
""" + graph_of(f"dagc.{library}(load_booster, returns=Classified)")
    compilation = compile_file(written(tmp_path, text), Report(), lambda _words: None)
    assert library not in compilation.tree.files["services/rate/requirements.txt"].decode()


@pytest.mark.frameworks
def test_a_module_of_torch_goes_all_the_way(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="torch is an extra: `make frameworks` tries it")
    text = """
def load_net():
    import torch
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(13, 3), torch.nn.Softmax(1))


chances = dagc.torch(load_net, f32(13))


@dagc.graph
def rate(request: Wine) -> Chances:
    return chances(request.row)
"""
    compilation = compile_file(written(tmp_path, text), Report(), lambda _words: None)
    assert "torch" not in compilation.tree.files["services/rate/requirements.txt"].decode()
