"""Modules of torch: names from `forward`, free axes at two sizes, what the exporter or the example gets wrong."""

from collections.abc import Mapping

import numpy as np
import pytest

from dagc.models.importers.made import Made
from dagc.models.importers.modules import convert_module
from dagc.models.importers.order import Column, ImportFailure
from dagc.models.rowwise import mixing
from dagc.models.signature import read_signature
from tests.models.importers.converted import order, told_apart

torch = pytest.importorskip("torch", reason="torch is an extra: `make frameworks` tries it")
nn = torch.nn

pytestmark = [pytest.mark.ort, pytest.mark.frameworks, pytest.mark.filterwarnings("ignore")]

IMAGE = Column("image", "f32", (1, 8, 8))


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3),
            nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 10),
        )  # fmt: skip

    def forward(self, image: object) -> object:
        return torch.softmax(self.layers(image), 1)


class Words(nn.Module):
    """Two inputs, a free axis, outputs by name, one of them called as a layer is."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 3)
        self.linear = nn.Linear(5, 4)

    def forward(self, x: object, *, ids: object) -> Mapping[str, object]:
        return {"probabilities": torch.softmax(self.linear(x), 1), "embedding": self.embedding(ids).mean(1)}


class Branching(nn.Module):
    def forward(self, x: object) -> object:
        return x + 1 if x.sum() > 0 else x - 1  # type: ignore[attr-defined, operator]


def convert(module: object, *columns: Column, example: dict[str, np.ndarray] | None = None) -> Made:
    return convert_module(module, order(columns, "torch"), example)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def test_a_perceptron_answers_alike() -> None:
    module = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3), nn.Softmax(1))
    made = convert(module, Column("0", "f32", (13,)))
    assert told_apart(made) == ()
    signature = read_signature(made.model)
    assert [str(p.type) for p in (*signature.inputs, *signature.outputs)] == ["f32[N, 13]", "f32[N, 3]"]
    assert [p.name for p in (*signature.inputs, *signature.outputs)] == ["input", "output"]


def test_a_convolutional_net_answers_alike_without_its_dropout() -> None:
    made = convert(Convolutions().train(), Column("0", "f32", (1, 8, 8)))
    assert told_apart(made) == ()
    assert read_signature(made.model).inputs[0].name == "image"
    assert mixing(made.model) is None


def test_inputs_and_outputs_go_by_name_and_free_axes_stay_free() -> None:
    made = convert(
        Words(), Column("x", "f32", (5,)), Column("ids", "i64", ("t",)), example={"ids": np.arange(10)[None]}
    )
    assert told_apart(made) == ()
    signature = read_signature(made.model)
    assert [(p.name, str(p.type)) for p in signature.inputs] == [("x", "f32[N, 5]"), ("ids", "i64[N, t]")]
    assert [(p.name, str(p.type)) for p in signature.outputs] == [
        ("probabilities", "f32[N, 4]"),
        ("embedding", "f32[N, 3]"),
    ]


def test_the_bytes_are_the_same_twice() -> None:
    module = Convolutions()
    assert convert(module, IMAGE).model == convert(module, IMAGE).model


@pytest.mark.parametrize(
    ("module", "columns", "code", "words"),
    [
        (nn.Linear(2, 2).state_dict(), (Column("0", "f32", (2,)),), "E0423", "not a `torch.nn.Module`"),
        (nn.Linear, (Column("0", "f32", (2,)),), "E0423", "the class `Linear`"),
        (Branching(), (Column("0", "f32", (2,)),), "E0424", "cannot be exported"),
        (nn.Linear(3, 2), (Column("0", "f32", (2,)),), "E0427", "does not run on its example"),
        (nn.Linear(3, 2), (Column("0", "f32", (3,)), Column("1", "f32", (3,))), "E0427", "takes 1 inputs"),
        (nn.Linear(3, 2), (Column("row", "f32", (3,)),), "E0427", "no parameter `row`"),
    ],
    ids=["weights", "class", "branch", "sizes", "too many", "name"],
)
def test_what_cannot_be_imported_is_told(
    module: object, columns: tuple[Column, ...], code: str, words: str
) -> None:
    with pytest.raises(ImportFailure) as caught:
        convert(module, *columns)
    assert caught.value.code == code
    assert words in caught.value.message
