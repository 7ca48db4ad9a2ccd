"""Choices are checked for what is missing, doubled, foreign or never taken; a ladder of thresholds is fine."""

from pathlib import Path

import pytest

from dagc.check.rules import check
from dagc.diagnostics import Diagnostic, Report
from dagc.dsl.load import load
from tests.dsl.user_files import HEADER, MODELS

TYPES = """
from enum import Enum
from pydantic import Field


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Case(BaseModel):
    country: Literal["DE", "FR", "US"]
    maybe: Literal["DE"] | None = None
    color: Color
    level: int = Field(ge=1, le=3)
    above: int = Field(gt=0, lt=3)
    count: int
    huge: int = Field(ge=0, le=100000)
    name: str
    flag: bool
    other: bool
    amount: float = Field(gt=0)
    limit: float


@dagc.step
def kind(name: str) -> Literal["a", "b"]:
    return "a"


@dagc.step
def likely(name: str) -> bool:
    return bool(name)


@dagc.step
def row_of(c: Case) -> Row:
    return np.zeros(30, np.float32)


@dagc.graph
def wrong(c: Case, row: Row) -> Score:
    a = score(row)
    b = score(row_of(c))
    return {result}
"""


@pytest.fixture
def found(tmp_path: Path):
    (tmp_path / "models").mkdir()
    for make in MODELS:
        (tmp_path / "models" / f"{make.__name__}.onnx").write_bytes(make())

    def find(result: str) -> list[Diagnostic]:
        file = tmp_path / "graph.py"
        file.write_text(HEADER + TYPES.replace("{result}", result))
        report = Report(str(tmp_path))
        for traced in load(file, report):
            check(traced.graph, traced.store, report)
        return list(report.diagnostics)

    return find


def switch(value: str, cases: str, default: str = "") -> str:
    return f"dagc.switch({value}, {{{cases}}}{', ' + default if default else ''})"


A, B = "lambda: a", "lambda: b"
BOTH = f"{A}, {B}"


@pytest.mark.parametrize(
    "result",
    [
        switch("c.country", f'"DE": {A}, ("FR", "US"): {B}'),
        switch("c.country", f'"DE": {A}', f"default={B}"),
        switch("c.color", f"Color.RED: {A}, Color.BLUE: {B}"),
        switch("c.level", f"1: {A}, (2, 3): {B}"),
        switch("c.above", f"1: {A}, 2: {B}"),
        switch("c.huge", f"1: {A}", f"default={B}"),
        switch("c.name", f'"x": {A}', f"default={B}"),
        switch("c.flag", f"True: {A}, False: {B}"),
        switch("kind(c.name)", f'"a": {A}, "b": {B}'),
        switch("c.amount > 3", f"True: {A}, False: {B}"),
        f"dagc.route((c.amount > 1000, {A}), (c.amount > 100, {B}), otherwise={A})",
        f"dagc.route((c.amount < 10, {A}), (c.amount < 100, {B}), otherwise={A})",
        f"dagc.route((c.amount > 1000, {A}), (c.amount < 10, {B}), otherwise={A})",
        f"dagc.route(((c.amount > 100) & (c.country == 'DE'), {A}), (c.amount > 100, {B}), otherwise={A})",
        f"dagc.route((c.amount > 1000, {A}), (c.country == 'US', {B}), otherwise={A})",
        f"dagc.route((c.flag, {A}), (c.other, {B}), otherwise={A})",
        f"dagc.route((likely(c.name), {A}), (likely(c.name), {B}), otherwise={A})",
        f"dagc.route((a > 0.5, {A}), (a > 0.2, {B}), otherwise={A})",
        f"dagc.route((c.count == 1, {A}), (c.count == 2, {B}), otherwise={A})",
        f"dagc.cascade({A}, {B}, accept=lambda s: (s > 0.9) | (s < 0.1))",
    ],
)
def test_what_is_complete_and_distinct_is_fine(found, result: str) -> None:
    assert [d for d in found(result) if d.code != "E0302"] == []


@pytest.mark.parametrize(
    ("code", "result", "words"),
    [
        ("E0305", switch("c.country", f'"DE": {A}'), "`'FR'`, `'US'`"),
        ("E0305", switch("c.color", f"Color.RED: {A}"), "`'blue'`"),
        ("E0305", switch("c.level", f"1: {A}, 2: {B}"), "`3`"),
        ("E0305", switch("c.above", f"1: {A}"), "`2`"),
        ("E0305", switch("c.flag", f"True: {A}"), "`False`"),
        ("E0305", switch("kind(c.name)", f'"a": {A}'), "`'b'`"),
        ("E0306", switch("c.country", f'"DE": {A}, "GB": {B}', f"default={A}"), "never `'GB'`"),
        ("E0306", switch("c.level", f"4: {A}", f"default={B}"), "never `4`"),
        ("E0306", switch("c.flag", f"1: {A}", f"default={B}"), "never `1`"),
        ("E0306", switch("c.count", f"'1': {A}", f"default={B}"), "never `'1'`"),
        ("E0306", switch("c.huge", f"-1: {A}", f"default={B}"), "never `-1`"),
        ("E0307", switch("c.country", f'("DE", "FR"): {A}, ("FR", "US"): {B}'), "hold `'FR'`"),
        ("E0308", switch("c.name", f'"x": {A}'), "other values"),
        ("E0308", switch("c.count", f"1: {A}"), "other values"),
        ("E0308", switch("c.huge", f"1: {A}"), "other values"),
        ("E0308", f"dagc.route((c.flag, {A}))", "no rule is about"),
        ("E0309", f"dagc.route((c.amount > 10, {A}), (c.amount > 100, {B}), otherwise={A})", "rule 1 holds"),
        ("E0309", f"dagc.route((c.amount < 0, {A}), otherwise={B})", "never holds"),
        ("E0309", f"dagc.route((c.count > 1, {A}), (c.count >= 2, {B}), otherwise={A})", "rule 1 holds"),
        (
            "E0309",
            f"dagc.route((c.level < 2, {A}), (c.level > 1, {B}), (c.level == 2, {A}), otherwise={B})",
            "rule 2",
        ),
        ("E0309", f"dagc.route((c.flag, {A}), (c.flag == True, {B}), otherwise={A})", "rule 1 holds"),
        ("E0309", f"dagc.route((c.country == 'GB', {A}), otherwise={B})", "never holds"),
        ("E0309", f"dagc.cascade({A}, {B}, accept=lambda s: (s > 0.9) & (s < 0.1))", "never holds"),
        (
            "E0310",
            f"dagc.route((c.amount > 100, {A}), (c.amount < 200, {B}), otherwise={A})",
            "`c.amount` is 150.0",
        ),
        ("E0310", f"dagc.route((c.count > 1, {A}), (c.count < 4, {B}), otherwise={A})", "`c.count` is"),
        ("E0310", f"dagc.route((c.name != 'a', {A}), (c.name != 'b', {B}), otherwise={A})", "`c.name` is"),
        ("E0310", f"dagc.route((a > 0.5, {A}), (a < 0.6, {B}), otherwise={A})", "`a` is"),
        ("W0301", switch("c.flag", f"True: {A}, False: {B}", f"default={A}"), "never taken"),
        ("W0301", f"dagc.route((c.amount > 0, {A}), otherwise={B})", "always holds"),
        ("W0302", f"dagc.route((c.amount > c.limit, {A}), (c.amount > 100, {B}), otherwise={A})", "`c.amount"),
        ("W0302", f"dagc.route((c.amount * 2 > 100, {A}), (c.amount > 100, {B}), otherwise={A})", "depend on"),
    ],
)
def test_each_mistake_has_a_code_of_its_own(found, code: str, result: str, words: str) -> None:
    diagnostics = [one for one in found(result) if one.code != "E0302"]
    assert [one.code for one in diagnostics] == [code]
    assert words in f"{diagnostics[0].message} {diagnostics[0].notes}"
    assert diagnostics[0].span is not None and diagnostics[0].help
