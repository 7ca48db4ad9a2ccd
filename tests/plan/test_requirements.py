"""Requirements are what the sources import, by distribution name, whatever the import is called."""

import tomllib
from pathlib import Path

import pytest

from dagc.diagnostics import CompileError
from dagc.plan.requirements import RUNTIME, requirements


def found(source: str, **others: str) -> set[str]:
    files = {"graph.py": source, **{name.replace("__", "/") + ".py": text for name, text in others.items()}}
    return set(requirements({path: text.encode() for path, text in files.items()})) - set(RUNTIME)


def test_the_runtime_is_always_needed_and_the_result_is_sorted():
    assert requirements({}) == tuple(sorted(RUNTIME))


def test_the_pins_are_those_of_the_project():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    for pinned in (requirement for requirement in RUNTIME if "==" in requirement):
        assert pinned in project["dependencies"]


def test_an_import_is_named_by_its_distribution():
    assert found("import jinja2") == {"jinja2"}
    assert found("from pydantic_core import core_schema") == {"pydantic-core"}


def test_the_standard_library_dagc_and_own_modules_are_not_requirements():
    source = "import os, json.decoder, dagc\nfrom dagc import f32\nimport steps\nfrom . import other\n"
    source += "from pack.deep import x"
    assert found(source, steps="", pack__deep="") == set()


def test_imports_inside_functions_and_of_helper_modules_count():
    assert found("import steps\ndef f():\n    import jinja2", steps="import iniconfig") == {"jinja2", "iniconfig"}


def test_imports_for_type_checkers_only_do_not_count():
    assert found("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import nowhere_at_all") == set()


def test_functions_that_only_a_build_calls_count_nothing():
    source = (
        b"import numpy\n\n\ndef load():\n    import jinja2\n    return 1\n\n\ndef serve():\n    import iniconfig\n"
    )
    found = set(requirements({"graph.py": source}, {"graph.py": frozenset({4})})) - set(RUNTIME)
    assert found == {"iniconfig"}


def test_an_import_that_may_fail_counts_only_where_it_is_installed():
    form = "try:\n    import {}\nexcept ImportError:\n    pass\n"
    assert found(form.format("nowhere_at_all")) == set()
    assert found(form.format("jinja2")) == {"jinja2"}


def test_an_import_nothing_provides_is_an_error_at_its_line_and_column():
    with pytest.raises(CompileError) as caught:
        found("x = 1\ndef f():\n    é = 1; import nowhere_at_all\n\nimport nothing_either.deep")
    first, second = caught.value.report.diagnostics
    assert (first.code, first.span.line, first.span.column) == ("E0503", 3, 12)
    assert (second.code, second.span.line) == ("E0503", 5)
    assert "nowhere_at_all" in first.message
