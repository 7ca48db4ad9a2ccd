"""B10: strings that try to be something else, in every place of a schema: what is made keeps its structure."""

import ast
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagc.backends.glue import glue
from dagc.backends.openapi import openapi
from dagc.backends.readme import readme
from dagc.backends.settings import settings
from dagc.compile import compile_file
from dagc.diagnostics import Report
from dagc.plan.service_plan import ServicePlan

COUNT = 2000
MARK = "MARK"
GRAPH = f'''
from typing import Annotated, Literal

from pydantic import BaseModel, Field

import dagc


class Asked(BaseModel):
    """{MARK}"""

    name: Literal["{MARK}"] = Field(default="{MARK}", title="{MARK}", description="{MARK}", examples=["{MARK}"])
    other: dict[Literal["{MARK}", "b"], str] = Field(default={{}}, alias="{MARK}")
    matched: str = Field(default="{MARK}", pattern="{MARK}")
    kept: str = Field(json_schema_extra={{"{MARK}": "{MARK}", "enum": ["{MARK}"]}})


@dagc.step
def found(asked: Asked) -> Asked:
    return asked


@dagc.graph
def find(asked: Asked) -> Asked:
    """{MARK}"""
    return found(asked)
'''
SEEDS = (
    "`", "```\n# x\n```", "# title", "| a | b |", "\n\n## x", "<script>alert(1)</script>", "](javascript:x)",
    "![x](y)",
    "{{ 7 * 7 }}", "{% for x in y %}", "${x}", "$(id)", "`id`", "; rm -rf /", "' OR 1=1 --", '"', "'",
    "\\", '"""', "'''",
    "\n", "\r\n", "\t", "\x00", "\x1b[31m", "\x7f", "\u202e", "\u2028", "\u2029", "\ufeff", "\ud7ff", "\U0001f4a9",
    "a: b", "- a", "&a *a", "!!python/object", "%TAG", "---", "...", "{a: 1}", "[1]", "null", "true", "1e999",
    "NaN",
    "__proto__", "constructor", "$ref", "#/components/schemas/Error", "#/$defs/x", "$defs", "default", "-->",
    "<!--",
    "]]>", "&amp;", "%0d%0a", "\n* x", "\n1. x", "    code", "~~~", "***", "___", "<details>", "http://a.b", "@a",
    "import os", "\\u0000", "\\N{BULLET}", "f'{x}'", "%s", "%n", "\x85", "\x0b", "\x0c", "\x1c", "e\u0301", "ﬀ",
)  # fmt: skip


def strings() -> Iterator[str]:
    """Seeds, and 2,000 of them joined: text that a JSON schema can hold."""
    yield from SEEDS
    chosen = random.Random(20_261_122)
    for _ in range(COUNT - len(SEEDS)):
        yield "".join(chosen.choices(SEEDS, k=chosen.randint(1, 4)))[:120]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> str:
    at = tmp_path_factory.mktemp("strings")
    (at / "graph.py").write_text(GRAPH)
    made = compile_file(Path(at / "graph.py"), Report(), lambda _: None).planned.plan
    return made.model_dump_json()


def with_text(plan: str, text: str) -> ServicePlan:
    return ServicePlan.model_validate_json(plan.replace(MARK, json.dumps(text)[1:-1]))


def shape(value: object) -> object:
    """A JSON document without its texts and with its keys counted: what stands where, and of what kind."""
    if isinstance(value, dict):
        return sorted(json.dumps(shape(each)) for each in value.values())
    if isinstance(value, list):
        return [shape(each) for each in value]
    return type(value).__name__


def structure(text: str) -> list[str]:
    """What the lines of a page begin with where that means something."""
    words = (re.match(r" {0,3}(#+|```|~~~|[|>*+-]|\d+[.)])", line) for line in text.split("\n"))
    return [found[1] if found else "" for found in words]


def test_no_text_changes_the_structure_of_what_is_made(plan: str) -> None:
    plain = with_text(plan, "text")
    service = plain.services[0]
    wanted = shape(json.loads(openapi(service)))
    page = readme(plain, None)
    numbers = settings(service, "0.1.0")
    main = ast.dump(ast.parse(glue(service, "0.1.0")))
    for text in strings():
        text += "x"  # a summary that is nothing but space is left out, as it should be
        found = with_text(plan, text)
        assert shape(json.loads(openapi(found.services[0]))) == wanted, text
        told = readme(found, None)
        assert structure(told) == structure(page), text
        assert told.splitlines() == told.rstrip("\n").split("\n"), text
        assert settings(found.services[0], "0.1.0") == numbers, text
        assert ast.dump(ast.parse(glue(found.services[0], "0.1.0"))) == main, text
