"""Bytes cross the JSON border as base64, and as they are: one graph, called, served and documented."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from dagc.artifacts.write import write
from dagc.compile import compile_file
from dagc.diagnostics import CompileError, Report
from tests.running import serving

PICTURE = bytes(range(256))
GRAPH = '''
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

import dagc


class Seen(BaseModel):
    model_config = ConfigDict(val_json_bytes="base64", ser_json_bytes="base64")

    size: int
    head: bytes


@dagc.step
def look(image: bytes) -> Seen:
    return Seen(size=len(image), head=image[:4])


@dagc.step
def turned(image: bytes) -> bytes:
    return image[::-1]


@dagc.step
def joined(images: list[bytes], title: str) -> str:
    return f"{title} {sum(map(len, images))}"


@dagc.graph
def seen(image: Annotated[bytes, Field(max_length=300)]) -> Seen:
    """What is in an image."""
    return look(image)


@dagc.graph
def backwards(image: bytes) -> bytes:
    return turned(image)


@dagc.graph
def counted(images: list[bytes], title: str = "all") -> str:
    return joined(images, title)
'''


def base64_of(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bytes")
    (folder / "graph.py").write_text(GRAPH, encoding="utf-8")
    write(compile_file(folder / "graph.py", Report(), lambda _words: None).tree, folder / "build")
    return folder / "build" / "services" / "graph"


@pytest.fixture(scope="module")
def client(service: Path) -> Iterator[httpx.Client]:
    with serving(service) as address, httpx.Client(base_url=address) as client:
        yield client


@pytest.mark.port
class TestServed:
    @pytest.mark.parametrize("path", ["/v1/seen", "/v1/%73een"])
    @pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "IMAGE/svg+xml; a=b", "audio/wav"])
    def test_a_raw_body_is_the_one_parameter(self, client: httpx.Client, path: str, kind: str) -> None:
        answer = client.post(path, content=PICTURE, headers={"content-type": kind})
        assert answer.json() == {"size": 256, "head": "AAECAw=="}

    @pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
    def test_json_has_both_alphabets_of_base64(self, client: httpx.Client, encode) -> None:
        answer = client.post("/v1/seen", json={"image": encode(PICTURE).decode()})
        assert answer.json()["size"] == 256

    def test_what_is_no_base64_is_refused_by_name(self, client: httpx.Client) -> None:
        answer = client.post("/v1/seen", json={"image": "no base64!"})
        assert (answer.status_code, answer.json()["error"]["field"]) == (422, "image")

    def test_an_annotation_holds_for_a_raw_body_as_for_json(self, client: httpx.Client) -> None:
        raw = client.post("/v1/seen", content=b"x" * 301, headers={"content-type": "image/png"})
        told = client.post("/v1/seen", json={"image": base64_of(b"x" * 301)})
        assert raw.status_code == told.status_code == 422
        assert raw.json() == told.json()
        assert raw.json()["error"]["field"] == "image"

    def test_an_empty_raw_body_is_refused(self, client: httpx.Client) -> None:
        answer = client.post("/v1/seen", content=b"", headers={"content-type": "image/png"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "empty_body")

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
    def test_other_types_are_refused_with_those_that_are_taken(self, client: httpx.Client, kind: str) -> None:
        answer = client.post("/v1/seen", content=PICTURE, headers={"content-type": kind})
        assert answer.status_code == 415
        assert "`image/*`" in answer.json()["error"]["message"]

    def test_an_endpoint_of_several_parameters_takes_no_raw_body(self, client: httpx.Client) -> None:
        answer = client.post("/v1/counted", content=PICTURE, headers={"content-type": "image/png"})
        assert answer.status_code == 415
        assert "image" not in answer.json()["error"]["message"]

    def test_bytes_stand_in_lists_and_in_answers(self, client: httpx.Client) -> None:
        answer = client.post("/v1/counted", json={"images": [base64_of(PICTURE), ""]})
        assert answer.json() == "all 256"
        answer = client.post("/v1/backwards", content=PICTURE, headers={"content-type": "image/png"})
        assert base64.urlsafe_b64decode(answer.json()) == PICTURE[::-1]

    def test_raw_bodies_and_json_share_the_cap(self, client: httpx.Client) -> None:
        answer = client.post("/v1/seen", content=b"x" * 100_000, headers={"content-type": "image/png"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")


def test_openapi_says_how_bytes_are_sent(service: Path) -> None:
    document = json.loads((service / "openapi.json").read_text(encoding="utf-8"))
    content = document["paths"]["/v1/seen"]["post"]["requestBody"]["content"]
    assert set(content) == {
        "application/json", "application/octet-stream", "audio/*", "image/*", "video/*"
    }  # fmt: skip
    image = document["components"]["schemas"]["seen_request"]["properties"]["image"]
    assert image == {"contentEncoding": "base64", "maxLength": 400, "title": "Image", "type": "string"}
    assert set(document["paths"]["/v1/counted"]["post"]["requestBody"]["content"]) == {"application/json"}


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ("class Upload(BaseModel):\n    image: bytes", "Upload.image"),
        ("class Upload(BaseModel):\n    images: list[bytes] | None = None", "Upload.images"),
        ("class Page(BaseModel):\n    at: bytes\n\nclass Upload(BaseModel):\n    pages: list[Page]", "Page.at"),
        ("@dataclass\nclass Upload:\n    image: bytes", "Upload.image"),
    ],
)
def test_bytes_in_a_record_that_does_not_say_how_are_asked_about(tmp_path: Path, record: str, field: str) -> None:
    head = "from dataclasses import dataclass\n\nfrom pydantic import BaseModel\n\nimport dagc\n\n\n"
    steps = "@dagc.step\ndef size(upload: Upload) -> int:\n    return 1\n\n\n"
    graph = "@dagc.graph\ndef measured(upload: Upload) -> int:\n    return size(upload)\n"
    (tmp_path / "graph.py").write_text(f"{head}{record}\n\n\n{steps}{graph}", encoding="utf-8")
    with pytest.raises(CompileError) as caught:
        compile_file(tmp_path / "graph.py", Report(), lambda _words: None)
    (found,) = caught.value.report.errors
    assert found.code == "E0176"
    assert f"`{field}`" in found.message
