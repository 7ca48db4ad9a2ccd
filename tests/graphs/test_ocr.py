"""`graphs/ocr`: every page reads as rapidocr reads it, by itself and in company, and without rapidocr."""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.graphs.conftest import Build, Built, unhurried
from tests.running import ROOT, near, serving

pytestmark = [
    pytest.mark.ort,
    pytest.mark.skipif(sys.version_info >= (3, 13), reason="rapidocr-onnxruntime names Python 3.12 as its last"),
]

MODELS = {"detect", "orient", "recognise"}
FOLDER = ROOT / "graphs" / "ocr"
TURN = Path(__file__).parent / "turn_of_pages.py"
WITHOUT_RAPIDOCR = "import runpy, sys; sys.modules['rapidocr_onnxruntime'] = None; sys.argv = sys.argv[1:]; "
WITHOUT_RAPIDOCR += "runpy.run_path('main.py', run_name='__main__')"

Answer = Mapping[str, list[Mapping[str, object]]]
Read = Callable[[bytes], Answer]


@pytest.fixture(scope="module")
def pages() -> dict[str, bytes]:
    """The rendered pages as PNG files, by name."""
    rendering = runpy.run_path(str(FOLDER / "render.py"))
    return {name: rendering["png"](make()) for name, make in rendering["PAGES"].items()}


@pytest.fixture(scope="module")
def rapidocr() -> Read:
    """The package's own pipeline, its result in the form of our answer."""
    from rapidocr_onnxruntime import RapidOCR

    engine = RapidOCR(intra_op_num_threads=1)  # more of them only spin while they wait for each other

    def read(image: bytes) -> Answer:
        found, _ = engine(image)
        return {"lines": [{"text": text, "score": score, "box": box} for box, text, score in found or ()]}

    return read


@pytest.fixture(scope="module")
def built(build: Build) -> Built:
    return build(FOLDER)


@pytest.fixture(scope="module")
def client(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of the service, run where rapidocr cannot be imported."""
    served = serving(unhurried(built, tmp_path_factory.mktemp("unhurried")), "-c", WITHOUT_RAPIDOCR)
    with served as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


def in_one_turn(
    built: Built, images: Mapping[str, bytes], folder: Path
) -> tuple[list[Answer], list[list[object]]]:
    """The answers to images that arrive together, and the runs they shared as model and size."""
    files = [folder / name for name in images]
    for file, image in zip(files, images.values(), strict=True):
        file.write_bytes(image)
    done = subprocess.run(
        [sys.executable, str(TURN), *map(str, files)],
        cwd=built.service,
        env={**os.environ, "PYTHONPATH": str(built.service), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    service = built.compilation.planned.plan.services[0]
    models = {session.name: (set(session.parts) & MODELS).pop() for session in service.sessions}
    return told["answers"], [(models[session], size) for session, size in told["runs"]]


@pytest.mark.port
def test_every_rendered_page_reads_as_rapidocr_reads_it(
    client: httpx.Client, pages: dict[str, bytes], rapidocr: Read
) -> None:
    assert len(pages) >= 20
    for name, image in pages.items():
        answer = client.post("/v1/ocr", content=image, headers={"content-type": "image/png"})
        assert answer.status_code == 200, (name, answer.text)
        assert near(answer.json(), rapidocr(image), 1e-4), name


@pytest.mark.port
def test_what_is_no_image_is_refused_by_name(client: httpx.Client) -> None:
    answer = client.post("/v1/ocr", content=b"no image", headers={"content-type": "image/png"})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "image")


def test_the_lines_of_all_images_of_a_turn_share_runs_and_return_to_their_images(
    built: Built, pages: dict[str, bytes], rapidocr: Read, tmp_path: Path
) -> None:
    rendering = runpy.run_path(str(FOLDER / "render.py"))
    empty = rendering["png"](rendering["sheet"](700, 300, []))
    images = {"first": pages["table"], "empty": empty, "second": pages["table"]}
    answers, runs = in_one_turn(built, images, tmp_path)
    assert [len(answer["lines"]) for answer in answers] == [16, 0, 16]
    for answer, image in zip(answers, images.values(), strict=True):
        assert near(answer, rapidocr(image), 1e-4)
    assert runs == [("detect", 3), ("orient", 32), ("recognise", 32)]


def test_images_and_lines_of_other_sizes_run_apart_and_nothing_is_padded(
    built: Built, pages: dict[str, bytes], rapidocr: Read, tmp_path: Path
) -> None:
    images = {name: pages[name] for name in ("letter", "sign", "blank", "banner")}
    answers, runs = in_one_turn(built, images, tmp_path)
    for name, answer in zip(images, answers, strict=True):
        assert near(answer, rapidocr(images[name]), 1e-4), name
    assert [size for model, size in runs if model == "detect"] == [1, 1, 1, 1]


def test_the_tree_holds_the_models_and_asks_for_no_rapidocr(built: Built) -> None:
    requirements = (built.service / "requirements.txt").read_text(encoding="utf-8")
    assert "opencv-python-headless" in requirements and "pyclipper" in requirements
    assert "rapidocr" not in requirements
    assert len(list((built.service / "models").glob("*.onnx"))) == 3
    places = (b"site-packages/rapidocr", str(ROOT).encode())
    for file in (file for file in built.service.rglob("*") if file.is_file()):
        assert not any(place in file.read_bytes() for place in places), file
