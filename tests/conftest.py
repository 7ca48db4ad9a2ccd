"""What every test shares: onnxruntime without telemetry, and goldens that one flag rewrites."""

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

# Only this, set before onnxruntime is imported anywhere, keeps its telemetry off.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def pytest_configure(config: pytest.Config) -> None:
    """One cache for the whole run, that of no user: a second process looks at no model again.

    Hypothesis draws the same examples of the same code each time and takes as long as it takes; more of them are
    drawn with `--hypothesis-profile default`.
    """
    with contextlib.suppress(ImportError):  # the environment of `make frameworks` is without it
        from hypothesis import HealthCheck, settings

        slow = [HealthCheck.too_slow]
        settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=slow)
        if not config.getoption("--hypothesis-profile", default=None):
            settings.load_profile("steady")
    if "PYTEST_XDIST_WORKER" not in os.environ:
        cache = tempfile.TemporaryDirectory(prefix="dagc-tests-")
        config.add_cleanup(cache.cleanup)
        os.environ["DAGC_CACHE"] = cache.name


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="write goldens instead of comparing")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The overload test needs a machine of its own."""
    for item in items:
        if item.path.name == "test_overload.py":
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, text)`: compare with `golden/<name>` beside the test, or rewrite it under --update-goldens."""

    def compare(name: str, text: str) -> None:
        file = Path(request.path).parent / "golden" / name
        if request.config.getoption("--update-goldens"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            return
        assert file.exists(), f"no golden {name}: run pytest --update-goldens and review the new file"
        assert text == file.read_text(encoding="utf-8")

    return compare
