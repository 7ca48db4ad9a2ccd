"""Architectures as they are written in torch: exported, equal to the module, and proven to keep rows apart."""

import pytest

from dagc.models.importers.modules import convert_module
from dagc.models.importers.order import Column
from dagc.models.rowwise import mixing
from tests.models.importers.converted import order, told_apart
from tests.models.rows.apart import assert_rows_stay_apart

torch = pytest.importorskip("torch", reason="torch is an extra: `make frameworks` tries it")
nn = torch.nn

pytestmark = [pytest.mark.ort, pytest.mark.frameworks, pytest.mark.filterwarnings("ignore")]

IMAGE = Column("x", "f32", (3, 16, 16))
SERIES = Column("x", "f32", ("t", 6))
WORDS = (Column("ids", "i64", ("t",)), Column("mask", "i64", ("t",)))


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.block = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8))
        self.head = nn.Linear(8, 5)

    def forward(self, x: object) -> object:
        found = self.first(x)
        found = torch.relu(found + self.block(found))
        return self.head(nn.functional.adaptive_avg_pool2d(found, 1).flatten(1))


class Recurrent(nn.Module):
    def __init__(self, kind: type) -> None:
        super().__init__()
        self.layers = kind(6, 5, 2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(10, 3)

    def forward(self, x: object) -> object:
        return self.head(self.layers(x)[0][:, -1])


class Encoder(nn.Module):
    """Positions are cut out of a table, and padding is masked; torch walks time in front of the rows."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(50, 16)
        self.positions = nn.Parameter(torch.randn(64, 16))
        layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, ids: object, mask: object) -> object:
        padding = torch.cat([torch.ones_like(mask[:, :1]), mask[:, 1:]], 1) == 0  # type: ignore[index]
        found = self.words(ids) + self.positions[: ids.shape[1]]  # type: ignore[attr-defined]
        return self.layers(found, src_key_padding_mask=padding).mean(1)


class Patches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, 4)
        self.first = nn.Parameter(torch.randn(1, 1, 16))
        self.layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, norm_first=True)

    def forward(self, x: object) -> object:
        found = self.patches(x).flatten(2).transpose(1, 2)
        whole = torch.cat([self.first.expand(x.shape[0], -1, -1), found], 1)  # type: ignore[attr-defined]
        return self.layer(whole)[:, 0]


class Segments(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down, self.up, self.out = nn.Conv2d(3, 8, 3, 2, 1), nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(7, 2, 1)

    def forward(self, x: object) -> object:
        blown = nn.functional.interpolate(self.up(self.down(x)), size=x.shape[2:], mode="bilinear")  # type: ignore[attr-defined]
        return self.out(torch.cat([x, blown], 1)).softmax(1)


class Windows(nn.Module):
    """Shifted windows, each attending to itself."""

    def forward(self, x: object) -> object:
        rolled = torch.roll(x, (1, 1), (2, 3)).view(-1, 3, 4, 4, 4, 4)
        cut = rolled.permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, 3)
        met = torch.softmax(cut @ cut.transpose(1, 2), -1) @ cut
        return met.view(-1, 4, 4, 4, 4, 3).permute(0, 5, 1, 3, 2, 4).reshape(-1, 3, 16, 16)


ARCHITECTURES = {
    "residual": (Residual, (IMAGE,)),
    "LSTM": (lambda: Recurrent(nn.LSTM), (SERIES,)),
    "GRU": (lambda: Recurrent(nn.GRU), (SERIES,)),
    "encoder": (Encoder, WORDS),
    "patches": (Patches, (IMAGE,)),
    "segments": (Segments, (IMAGE,)),
    "windows": (Windows, (IMAGE,)),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_it_answers_as_the_module_and_requests_may_share_its_runs(name: str) -> None:
    torch.manual_seed(0)
    make, columns = ARCHITECTURES[name]
    made = convert_module(make(), order(columns, "torch"), None)
    assert told_apart(made) == ()
    assert mixing(made.model) is None
    assert_rows_stay_apart(made.model)


def test_attention_over_the_batch_is_found_and_named() -> None:
    """`batch_first` forgotten: the module attends to other requests."""
    torch.manual_seed(0)

    class Forgotten(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(6, 2)

        def forward(self, x: object) -> object:
            return self.attention(x, x, x)[0]

    made = convert_module(Forgotten(), order((SERIES,), "torch"), None)
    assert "multiplies rows by rows that do not lie in the same place" in (mixing(made.model) or "")
