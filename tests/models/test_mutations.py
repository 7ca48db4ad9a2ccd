"""B6: hostile files are found out or served, and the compiler's own process never notices."""

import os
from collections import Counter
from pathlib import Path

import pytest

from dagc.models.model_error import ModelError
from dagc.models.read import read_model
from tests.models.mutations import mutants, seeds

pytestmark = pytest.mark.ort


def outcomes(folder: Path, count: int, seed: int) -> Counter[str]:
    """How often each code was found; a model that is read counts as `read`."""
    found: Counter[str] = Counter()
    file = folder / "m.onnx"
    for name, content in mutants(count, seed):
        file.write_bytes(content)
        try:
            read_model(file)
        except ModelError as error:
            assert error.message.isprintable(), name
            found[error.code] += 1
        else:
            found["read"] += 1
    return found


def test_every_seed_is_a_valid_model(tmp_path: Path) -> None:
    for content in seeds():
        file = tmp_path / "m.onnx"
        file.write_bytes(content)
        assert read_model(file) == content


def test_a_thousand_mutants_are_read_or_refused(tmp_path: Path) -> None:
    number = os.getpid()
    found = outcomes(tmp_path, 1000, seed=1)
    assert found.total() == 1000
    assert found["read"] > 25
    assert len(found) >= 5, "the mutants are too much alike"
    assert os.getpid() == number
