"""uv's answer becomes pins, and its failures become diagnostics. Without a network only the failures are tried."""

import pytest

from dagc.artifacts import resolve as resolving
from dagc.artifacts.resolve import resolve
from dagc.diagnostics import CompileError

ANSWER = """\
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:bb \\
    --hash=sha256:aa
    # via click, tqdm
click==8.5.1 \\
    --hash=sha256:dd
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:cc
"""


def test_pins_with_markers_and_sorted_hashes_are_read():
    first, click, second = resolving._parsed(ANSWER)
    assert (first.needs, click.needs) == ((), ("colorama",))
    assert (first.name, first.version, first.marker) == ("colorama", "0.4.6", "sys_platform == 'win32'")
    assert first.hashes == ("sha256:aa", "sha256:bb") and second.marker == "python_full_version < '3.12'"


@pytest.mark.parametrize("line", ["-e .", "numpy @ file:///x", "--index-url x", "numpy", "    # via -r x", "# x"])
def test_a_line_that_is_no_pin_is_not_let_through(line):
    with pytest.raises(ValueError):
        list(resolving._parsed(ANSWER + line + "\n"))


def test_without_a_network_the_diagnostic_says_so():
    with pytest.raises(CompileError, match="E0506: the package index cannot be reached"):
        resolve(["numpy"], options=["--offline", "--no-cache"])


def test_a_requirement_that_cannot_be_read_is_a_diagnostic():
    with pytest.raises(CompileError, match="E0507"):
        resolve(["not a ! requirement"])


def test_real_requirements_resolve_to_hashes():
    try:
        pins = resolve(["annotated-types", "typing-inspection"])
    except CompileError as error:
        if "E0506" in str(error):
            pytest.skip("no package index here")
        raise
    needs = {pin.name: pin.needs for pin in pins}
    assert needs == {"annotated-types": (), "typing-extensions": (), "typing-inspection": ("typing-extensions",)}
    assert all(found.startswith("sha256:") for pin in pins for found in pin.hashes)
