"""What services print: the line that counts is found among the user's own, and a full pipe stops nobody."""

import io
import subprocess
import sys

import pytest

from dagc.cli.ready import ready_address

READY = "dagc: rate ready on http://127.0.0.1:1\n"


def process(*texts: str) -> subprocess.Popen[str]:
    """One that prints these, and then more than a pipe holds."""
    code = f"import sys\nfor text in {texts!r}: print(text, end='', flush=True)\nprint('y' * 300_000)"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("kept", [True, False])
def test_what_the_users_code_prints_before_and_after_is_passed_on_or_dropped(kept: bool) -> None:
    passed_on = io.StringIO() if kept else None
    service = process("we are ready on time\n", READY, "dagc: rate answers gRPC on 127.0.0.1:2\n")
    assert ready_address(service, passed_on) == "http://127.0.0.1:1"
    assert service.wait(60) == 0, "a pipe holds 65,536 bytes"
    if passed_on is not None:
        assert passed_on.getvalue().startswith("we are ready on time\n")
        assert "gRPC" not in passed_on.getvalue()


def test_a_service_that_ends_instead_has_no_address() -> None:
    service = process("no\n")
    assert ready_address(service, None) is None
    assert service.wait(60) == 0
