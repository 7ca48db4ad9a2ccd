"""A user's folder whose graph is cut into a front and a scorer, which another release may speak to differently."""

from pathlib import Path

import numpy as np
from onnx import numpy_helper, parser

from tests.containers.service import run

GRAPH = '''"""Rate a row: the model stands in a service of its own."""

from typing import Annotated

import dagc
import numpy as np
from dagc import f32
from numpy.typing import NDArray
from pydantic import BaseModel

RELEASE = {release}

scorer = dagc.service("scorer", cpu=1, memory_mib=256, replicas=({replicas}, {replicas}))
score = dagc.onnx("models/{model}.onnx", on=scorer)


class Row(BaseModel):
    values: Annotated[NDArray[np.float32], f32(30)]


class Rating(BaseModel):
    score: float
    release: int


@dagc.step
def features(row: Row) -> Annotated[NDArray[np.float32], f32({width})]:
    return row.values[:{width}] * np.float32(30 / {width})


@dagc.step
def rating(score: float) -> Rating:
    return Rating(score=score, release=RELEASE)


@dagc.graph
def afar(row: Row) -> Rating:
    """Rate a row."""
    return rating(score(features(row)))
'''
NAME = "afar"
WIDTHS = {"wide": 30, "narrow": 15}


def write_models(home: Path) -> None:
    """Two models of the same sum, whose inputs are not equally long."""
    (home / "models").mkdir(parents=True)
    for name, width in WIDTHS.items():
        signature = f"g (float[N,{width}] x) => (float[N] y)"
        model = parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {signature} {{ y = MatMul(x, w) }}')
        model.graph.initializer.append(numpy_helper.from_array(np.full(width, 0.5, np.float32), "w"))
        (home / "models" / f"{name}.onnx").write_bytes(model.SerializeToString())


def build(home: Path, release: int, model: str = "wide", replicas: int = 1) -> Path:
    """The built tree of a release."""
    out = home.parent / f"{home.name}-{release}-{model}-{replicas}"
    if not out.is_dir():
        text = GRAPH.format(release=release, model=model, width=WIDTHS[model], replicas=replicas)
        (home / "graph.py").write_text(text, encoding="utf-8")
        lock = home / "dagc.lock"
        if not lock.is_file() or f"{model}.onnx" not in lock.read_text(encoding="utf-8"):
            run("lock", home / "graph.py")
        run("build", home / "graph.py", "-o", out)
    return out
