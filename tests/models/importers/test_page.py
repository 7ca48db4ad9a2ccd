"""The page for users says what is true: its example builds, its list is the one that is tried."""

import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

from dagc.models.importers.anatomy import parts
from tests.models.importers import reviews, zoo

pytestmark = pytest.mark.ort

PAGE = (Path(__file__).parents[3] / "examples" / "importers.md").read_text(encoding="utf-8")
TABLE = re.search(r"\| kind \| estimators \|\n(.*?)\n\n", PAGE, re.DOTALL)


@pytest.mark.slow
def test_the_example_builds_a_service_without_scikit_learn(tmp_path: Path) -> None:
    for name, content in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).write_text(content, encoding="utf-8")
    environment = {**os.environ, "DAGC_CACHE": str(tmp_path / "cache")}
    for command in (("train.py",), ("-m", "dagc", "build", "graph.py", "-o", "build/rent")):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False, env=environment
        )
        assert done.returncode == 0, done.stderr
    needed = (tmp_path / "build/rent/services/rent/requirements.txt").read_text()
    assert "scikit-learn" not in needed and "joblib" not in needed


def test_the_list_of_the_page_is_the_list_that_is_tried() -> None:
    assert TABLE is not None
    listed = set(re.findall(r"`(\w+)`", TABLE[1])) - {"True"}
    boosters = {name for name in listed if name.startswith(("XGB", "LGBM"))}
    tried = {type(part).__name__ for one in estimators() for part in parts(one)}
    members = {"ExtraTreeClassifier", "ExtraTreeRegressor"}  # of the forests of their name
    assert listed - boosters - {"Pipeline"} == tried - members - {"Pipeline"}


@pytest.mark.parametrize(
    "package",
    ["scikit-learn", "skl2onnx", "onnxruntime", "onnx", "xgboost", "LightGBM", "onnxmltools", "torch", "pandas"],
)
def test_the_versions_of_the_page_are_those_installed_here(package: str) -> None:
    try:
        here = version(package.lower()).partition("+")[0]
    except PackageNotFoundError:
        pytest.skip(f"{package} is not installed here: `make frameworks` tries it")
    assert f"{package} {here}" in " ".join(PAGE.split())


def estimators() -> list[BaseEstimator]:
    given = [*zoo.TRANSFORMERS, *zoo.ENCODERS, *zoo.CLASSIFIERS, *zoo.REGRESSORS]
    return [*given, zoo.MultinomialNB(), zoo.KMeans(), *reviews.ESTIMATORS]
