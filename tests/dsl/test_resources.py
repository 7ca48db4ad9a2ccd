"""Resources in plain Python: defaults beside the file, others in tests, no inputs of a graph; of lists too."""

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest

import dagc
from dagc.diagnostics import CompileError, Report
from dagc.dsl.load import load
from dagc.ir.ops import CallStep

GRAPH = """
import dagc

settings = dagc.keyvalue("WORDS_URL", default="sqlite:///words.db")
bureau = dagc.http("BUREAU_URL", default=lambda asked: [asked.method, asked.path, dict(asked.params)])


@dagc.step
async def word(key: str, *, store: dagc.KeyValue = settings, service: dagc.Http = bureau) -> str:
    return f"{await store.get(key, str)} {await service.get('/x', params={'key': key})}"


@dagc.step(batch=True)
async def words(keys: list[str], *, store: dagc.KeyValue = settings) -> list[str]:
    return [found or "" for found in await store.get_many(keys, str)]


@dagc.graph
def both(key: str) -> tuple[str, str]:
    return word(key), words(key)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "words_graph.py").write_text(GRAPH)
    with sqlite3.connect(tmp_path / "words.db") as file:
        file.execute(
            "CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires REAL) WITHOUT ROWID"
        )
        file.execute("INSERT INTO entries VALUES ('a', '\"one\"', NULL)")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "words_graph", raising=False)
    return tmp_path


def test_a_default_lies_beside_its_file_wherever_the_program_runs(folder: Path) -> None:
    import words_graph

    told = "one ['GET', '/x', {'key': 'a'}]"
    assert words_graph.both("a") == (told, "one")
    assert words_graph.word("a") == told


def test_a_test_passes_another_to_a_step_and_to_one_of_lists(folder: Path) -> None:
    import words_graph

    class Fake:
        async def get(self, key: str, wanted: type) -> str:
            return key * 2

        async def get_many(self, keys: list[str], wanted: type) -> list[str]:
            return [key * 3 for key in keys]

    assert words_graph.word("a", store=Fake()).startswith("aa ")
    assert words_graph.words("a", store=Fake()) == "aaa"


def test_a_resource_is_no_input_and_its_file_goes_along(folder: Path) -> None:
    report = Report()
    (graph,) = load(folder / "words_graph.py", report)
    assert not report.errors
    steps = {node.op.qualname: node.op for node in graph.graph.nodes if isinstance(node.op, CallStep)}
    assert steps["word"].parameters == ("key",)
    assert [(use.parameter, use.setting, use.kind, use.name) for use in steps["word"].resources] == [
        ("store", "WORDS_URL", "keyvalue", "settings"),
        ("service", "BUREAU_URL", "http", "bureau"),
    ]
    assert steps["word"].resources[0].span.line == 4
    assert set(graph.sources()) == {"words_graph.py", "words.db"}


def test_without_a_setting_and_a_default_a_plain_call_says_which_is_missing(tmp_path: Path) -> None:
    database = dagc.sql("NOWHERE_URL")
    with pytest.raises(dagc.ResourceUnavailable, match="`NOWHERE_URL`: it is not set, and has no"):
        asyncio.run(database.one("SELECT 1"))


def test_an_option_that_does_not_exist_is_told_where_it_is_written() -> None:
    with pytest.raises(CompileError) as wrong:
        dagc.sql("X_URL", pool=3)
    assert [found.code for found in wrong.value.report.diagnostics] == ["E0360"]
