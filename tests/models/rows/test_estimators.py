"""The estimators of scikit-learn as skl2onnx writes them: proven, and batches equal to single rows."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dagc.models.rowwise import mixing
from tests.models.rows.apart import assert_every_value_holds, assert_rows_stay_apart
from tests.models.rows.estimators import COUNTED, ESTIMATORS

pytestmark = pytest.mark.ort

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("estimators")
    subprocess.run([sys.executable, "-m", "tests.models.rows.estimators", str(folder)], cwd=ROOT, check=True)
    return folder


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_are_proven_and_their_rows_stay_apart(name: str, converted: Path) -> None:
    content = (converted / f"{name}.onnx").read_bytes()
    assert mixing(content) is None
    assert_rows_stay_apart(content, rows=9, given={"X": np.load(converted / f"{name}.npy")})


@pytest.mark.parametrize("labels", ["numbers", "words"])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", COUNTED)
def test_scores_have_as_many_columns_as_the_proof_counts(
    name: str, classes: int, labels: str, converted: Path
) -> None:
    content = (converted / f"{name}-{classes}-{labels}.onnx").read_bytes()
    assert mixing(content) is None
    assert assert_every_value_holds(content) >= 2
