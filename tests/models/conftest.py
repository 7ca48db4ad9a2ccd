"""Every test of this room looks at its models afresh: no cache of an earlier run, none of the user's."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the test's cache."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("DAGC_CACHE", str(folder))
    monkeypatch.setattr("dagc.models.known._signatures", {})
    return folder
