"""Classifiers whose probabilities are maps: read as tables, with a remark, and the same numbers."""

from pathlib import Path

import numpy as np
import pytest

from dagc.models.read import read_model
from dagc.models.runner import Runner
from dagc.models.sandbox import sandbox
from dagc.models.store import ModelStore

pytestmark = pytest.mark.ort


@pytest.mark.parametrize("words", [False, True])
def test_maps_of_a_classifier_become_a_table(tmp_path: Path, words: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime
    from skl2onnx import to_onnx
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    rows, classes = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])
    fitted = LogisticRegression(max_iter=500).fit(rows, names[classes] if words else classes)
    written = to_onnx(fitted, rows[:1].astype(np.float32)).SerializeToString()
    file = tmp_path / "m.onnx"
    file.write_bytes(written)
    content = read_model(file)
    store = ModelStore()
    signature = store.signature(store.add(content))
    label, table = signature.outputs
    assert str(label.type) == ("str[N]" if words else "i64[N]")
    assert (table.name, str(table.type)) == ("output_probability", "f32[N, 3]")
    shown = "setosa, versicolor, virginica" if words else "0, 1, 2"
    assert signature.remarks == (
        f"output `output_probability` was a list of maps and is a table with one column per class: {shown}",
    )
    feeds = {"X": rows[:20].astype(np.float32)}
    (maps,) = onnxruntime.InferenceSession(written).run(["output_probability"], feeds)
    (found,) = Runner(content).run(feeds, ["output_probability"])
    assert found.tolist() == [list(each.values()) for each in maps]
    monkeypatch.setattr("dagc.models.known._signatures", {})
    sandbox().close()
    assert read_model(file) == content
    assert sandbox()._process is None
