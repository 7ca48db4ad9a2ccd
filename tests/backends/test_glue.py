"""main.py reads as written by hand, and no text of a user's changes what it does."""

import ast
import random
import subprocess
import sys
from pathlib import Path

import pytest

from dagc.backends.citations import cite, joined_parts
from dagc.backends.glue import glue
from dagc.plan.service_plan import Argument, CallStage, Service, ServicePlan

RUFF = Path(sys.executable).with_name("ruff")

SPICES = [
    '"""', "'''", "\n", "\r", "\\", "\x00", "{{ 7*7 }}", "{% raw %}", "#", "\u2028", "\u202e", "`",
    "import os; os.system('x')", "```", "<script>", "|", "$ref", "#/$defs/X", "../..", "'", '"', ")", "(", ":",
    "é",     "# noqa", "# fmt: off", "%s", "{0}", "\x1b[31m", " ", "a", "eval", "-e .", "](x)", "<!--", "\t",
    "\x85", "\ufeff", "😀",
]  # fmt: skip


def hostile(count: int) -> list[str]:
    chance = random.Random(5)
    return [
        "".join(chance.choice(SPICES) for _ in range(chance.randrange(1, 6))).encode("utf-8", "ignore").decode()
        for _ in range(count)
    ]


def with_text(plan: ServicePlan, text: str) -> Service:
    """The service with `text` in every free text of the plan that a user can write."""
    (service,) = plan.services
    endpoint = service.endpoints[0]
    *earlier, last = endpoint.stages
    assert isinstance(last, CallStage)
    (first, _, _) = last.arguments
    arguments = (
        first,
        ("score", Argument(constant=text)),
        ("limit", Argument(constant=[text, [text]], dtype="str")),
    )
    stages = (*earlier, last.model_copy(update={"arguments": arguments}))
    schema = {"type": "object", "title": text, "description": text, "properties": {text: {"default": text}}}
    changes = {"summary": text, "version": text, "stages": stages, "request_schema": schema, "example": text}
    sessions = tuple(s.model_copy(update={"parts": (text, text), "one_by_one": text}) for s in service.sessions)
    endpoints = (endpoint.model_copy(update=changes), *service.endpoints[1:])
    return service.model_copy(update={"endpoints": endpoints, "sessions": sessions})


class _Blank(ast.NodeTransformer):
    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant("") if isinstance(node.value, str) else node


def structure(text: str) -> str:
    """The syntax tree with every text in it blanked."""
    return ast.dump(_Blank().visit(ast.parse(text)))


def test_main_py_is_the_golden_one(plan, golden):
    golden("main.py.txt", glue(plan.services[0], plan.dagc_version))


def test_main_py_compiles_and_imports_only_the_users_module_and_the_runtime(plan):
    module = ast.parse(glue(plan.services[0], plan.dagc_version))
    imports = [ast.unparse(node) for node in module.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert imports == ["import graph", "from dagc_runtime import Service, together"]


@pytest.mark.skipif(not RUFF.exists(), reason="ruff is not installed")
def test_the_formatter_and_the_linter_have_nothing_to_say(plan):
    text = glue(plan.services[0], plan.dagc_version)
    for command in (
        ["format", "--line-length", "115", "--check"],
        ["check", "--select", "E,F,W", "--line-length", "115"],
    ):
        done = subprocess.run(
            [RUFF, *command, "--isolated", "--stdin-filename", "main.py", "-"], input=text.encode()
        )
        assert done.returncode == 0


def test_five_hundred_hostile_texts_leave_the_structure_of_main_py_alone(plan):
    wanted = structure(glue(with_text(plan, "plain"), plan.dagc_version))
    for text in hostile(500):
        made = glue(with_text(plan, text), plan.dagc_version)
        assert structure(made) == wanted
        found = [node.value for node in ast.walk(ast.parse(made)) if isinstance(node, ast.Constant)]
        assert found.count(text) >= 3


def test_a_constant_is_an_array_only_where_the_plan_says_so(plan):
    made = glue(with_text(plan, "x"), plan.dagc_version)
    assert 'np.array(["x", ["x"]], dtype=object)' in made and "import numpy as np\n\nimport graph\n" in made


def test_lines_are_cited_as_a_person_would():
    assert cite(["graph.py:34", "graph.py:31", "graph.py:32"]) == "graph.py:31, 32, 34"
    assert cite([f"graph.py:{n}" for n in (3, 4, 5, 9)] + ["a/b.py:1"]) == "a/b.py:1; graph.py:3-5, 9"
    assert cite(["nonsense", "x:y"]) == ""
    assert joined_parts(["a", "b\n# noqa: x", *"cdefgh"]) == "a + b__ noqa_ x + c + d + e + f + 2 more"
