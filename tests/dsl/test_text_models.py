"""A pipeline that begins with a vectoriser, from the user's file to the service that answers as the pipeline."""

from pathlib import Path

import httpx
import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import Diagnostic, Report
from dagc.dsl.load import load
from tests.models.importers.reviews import TEXTS, TOPICS
from tests.running import serving

pytestmark = [pytest.mark.ort, pytest.mark.port]

GRAPH = '''"""Say what a ticket is about."""

from typing import Annotated

import dagc
import numpy as np
from dagc import f32
from numpy.typing import NDArray
from pydantic import BaseModel

Chances = Annotated[NDArray[np.float32], f32(3)]


class Ticket(BaseModel):
    text: str


class Topic(BaseModel):
    chances: list[float]


def load():
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(TEXTS, TOPICS)


topics = DECLARED


@dagc.step
def told(chances: Chances) -> Topic:
    return Topic(chances=[float(chance) for chance in chances])


@dagc.graph
def triage(ticket: Ticket) -> Topic:
    return told(topics(ticket).probabilities * 2.0 - 1.0)
'''


@pytest.fixture(autouse=True)
def cached(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGC_CACHE", str(tmp_path_factory.getbasetemp() / "imports"))


def written(folder: Path, declared: str) -> Path:
    values = f"TEXTS = {TEXTS!r}\nTOPICS = {TOPICS.tolist()!r}\n"
    file = folder / "graph.py"
    file.write_text(GRAPH.replace("DECLARED", declared).replace("\n\nclass Ticket", f"\n{values}\n\nclass Ticket"))
    return file


def only(folder: Path, declared: str) -> Diagnostic:
    report = Report()
    load(written(folder, declared), report)
    (found,) = report.errors
    return found


def pipeline() -> Pipeline:
    return make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(TEXTS, TOPICS)


def test_a_built_service_answers_texts_as_the_pipeline_does(tmp_path: Path) -> None:
    compilation = compile_file(written(tmp_path, "dagc.sklearn(load)"), Report(), lambda _words: None)
    write(compilation.tree, tmp_path / "build")
    (service,) = compilation.planned.plan.services
    (session,) = service.sessions
    assert session.one_by_one is None, "requests share its runs"
    texts = [*TEXTS[:4], "", "?", "CRASH İnvoice", "naïve\tcafé x², again and again", "日本語"]
    wanted = pipeline().predict_proba(texts) * 2 - 1
    with serving(tmp_path / "build/services/triage") as address:
        for text, chances in zip(texts, wanted, strict=True):
            answer = httpx.post(f"{address}/v1/triage", json={"text": text})
            assert answer.status_code == 200, answer.text
            np.testing.assert_allclose(answer.json()["chances"], chances, atol=1e-5)


def test_rows_of_an_example_may_be_texts(tmp_path: Path) -> None:
    report = Report()
    load(written(tmp_path, 'dagc.sklearn(load, example=["my invoice", ""])'), report)
    load(written(tmp_path, 'dagc.sklearn(load, inputs={"text": str}, example=["my invoice", ""])'), report)
    assert report.errors == ()


def test_rows_of_an_example_that_are_no_texts_are_told(tmp_path: Path) -> None:
    found = only(tmp_path, "dagc.sklearn(load, example=[[1.0, 2.0]])")
    assert found.code == "E0427"
    assert "have `x`, and the estimator reads `text`" in found.message


def test_a_row_of_numbers_for_a_vectoriser_is_told_with_what_to_write(tmp_path: Path) -> None:
    found = only(tmp_path, 'dagc.sklearn(load, inputs={"x": f32(30)})')
    assert found.code == "E0427"
    assert found.help == 'leave `inputs=` out, or write `inputs={"text": str}`'
