"""Mistakes in graph bodies are found in the source, each with its own code at its own columns."""

import ast
import linecache
import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import pytest

from dagc.diagnostics import Diagnostic, Report
from dagc.diagnostics.pages import codes, page, title
from dagc.dsl.body_rules import body_mistakes
from dagc.dsl.body_texts import TEXTS
from dagc.dsl.graph import GraphFunction
from dagc.dsl.load import load

PREAMBLE = """
import logging, math, os, random
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, NamedTuple
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(30)]
Score = Annotated[NDArray[np.float32], f32()]
DEBUG = False
LIMITS = {"DE": 0.5}
WEIGHTS = (0.25, 0.75)
log = logging.getLogger("graph")

class Country(Enum):
    DE = "DE"

class Payment(BaseModel):
    row: Row
    amount: float
    country: str
    note: str | None = None

class Decision(BaseModel):
    allow: bool
    score: float

@dataclass
class Pair:
    a: float
    b: float

class Both(NamedTuple):
    a: float
    b: float

boosted = dagc.onnx("boosted.onnx")
neural = dagc.onnx("neural.onnx")
decision = dagc.step(Decision)

@dagc.step
def split(row: Row) -> tuple[Score, Score]: ...

@dagc.step
async def profile(country: str) -> float: ...

@dagc.step
def rows(payment: Payment) -> list[Row]: ...

def halves(row):
    return boosted(row), neural(row)

def risky(score, limit=0.5):
    if score > limit:
        return score
    return limit

def constant(size):
    return [i for i in range(size) if i > 1]

def optional(row, scale=None):
    if scale is None:
        scale = 2.0
    return row * scale

def recursive(row, depth):
    return row if depth == 0 else recursive(boosted(row), depth - 1)
"""


def found(body: str, *, head: str = "def graph(payment: Payment, row: Row) -> Score:") -> list[Diagnostic]:
    """The mistakes of a graph whose body is `body`."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    source = f"{PREAMBLE}\n@dagc.graph\n{head}\n{lines}\n"
    return list(mistakes(source))


def mistakes(source: str) -> Iterator[Diagnostic]:
    file = "<body rules>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names: dict[str, object] = {"__name__": "graph_under_test"}
    exec(compile(source, file, "exec"), names)
    graph = names["graph"]
    function = graph.function if isinstance(graph, GraphFunction) else graph
    assert isinstance(function, FunctionType)
    yield from body_mistakes(function, source, "graph.py")


def underlined(diagnostic: Diagnostic, body: str) -> str:
    """The text of the body under the diagnostic's span."""
    span = diagnostic.span
    assert span is not None
    first = len(PREAMBLE.splitlines()) + 3
    lines = [f"    {line}" for line in body.splitlines()][span.line - first - 1 : span.end_line - first]
    assert lines, f"line {span.line} is not in the body"
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


REFUSED = [
    ("E0187", "return boosted(row) * random.random()", "random.random()"),
    ("E0187", "return boosted(row) + len(os.environ['HOME'])", "os.environ['HOME']"),
    ("E0140", "if row[0] > 0.5:\n    return row\nreturn boosted(row)", "row[0] > 0.5"),
    ("E0140", "x = boosted(row)\nif not x:\n    pass\nreturn x", "not x"),
    ("E0140", "if DEBUG or payment.amount > 3:\n    pass\nreturn row", "DEBUG or payment.amount > 3"),
    ("E0140", "if DEBUG:\n    pass\nelif payment.amount:\n    pass\nreturn row", "payment.amount"),
    ("E0140", "return [s for s in (boosted(row), neural(row)) if s > 0.5]", "s > 0.5"),
    ("E0140", "if (s := boosted(row)):\n    pass\nreturn s", "(s := boosted(row))"[1:-1]),
    ("E0140", "x = 0\nx += boosted(row)\nif x:\n    pass\nreturn x", "x"),
    ("E0140", "a, b = split(row)\nif a:\n    pass\nreturn b", "a"),
    ("E0140", "name, s = 'a', boosted(row)\nif s:\n    pass\nreturn s", "s"),
    ("E0140", "if dagc.mean(boosted(row), neural(row)) > 0.5:\n    pass\nreturn row",
     "dagc.mean(boosted(row), neural(row)) > 0.5"),
    ("E0140", "values, places = dagc.top_k(row, 3)\nif places:\n    pass\nreturn values", "places"),
    ("E0140", "if halves(row)[1]:\n    pass\nreturn row", "halves(row)[1]"),
    ("E0140", "match DEBUG:\n    case x if row:\n        pass\nreturn row", "row"),
    ("E0141", "return row if payment.amount > 10 else boosted(row)", "payment.amount > 10"),
    ("E0141", "pick = lambda: 1 if row else 2\nreturn row", "row"),
    ("E0141", "def pick(x):\n    return x if row else 2\nreturn pick(row)", "row"),
    ("E0142", "while boosted(row) < 0.5:\n    row = row * 2\nreturn row", "boosted(row) < 0.5"),
    ("E0143", "assert payment.amount > 0, 'positive'\nreturn row", "payment.amount > 0"),
    ("E0144", "return row > 0 and row < 1", "row > 0 and row < 1"),
    ("E0144", "x = payment.note or 'none'\nreturn row", "payment.note or 'none'"),
    ("E0145", "ok = not payment.amount > 3\nreturn row", "not payment.amount > 3"),
    ("E0146", "if payment.note is None:\n    return row\nreturn boosted(row)", "payment.note is None"),
    ("E0146", "known = payment.note is not None\nreturn row", "payment.note is not None"),
    ("E0147", "vip = payment.country in ('DE', 'FR')\nreturn row", "payment.country in ('DE', 'FR')"),
    ("E0147", "new = payment.country not in LIMITS\nreturn row", "payment.country not in LIMITS"),
    ("E0140", "if payment.country not in LIMITS:\n    pass\nreturn row", "payment.country not in LIMITS"),
    ("E0147", "return 0.5 in row", "0.5 in row"),
    ("E0148", "return 0 < row < 1", "0 < row < 1"),
    ("E0140", "if 0 < payment.amount < 1:\n    pass\nreturn row", "0 < payment.amount < 1"),
    ("E0149", "if isinstance(row, np.ndarray):\n    pass\nreturn row", "isinstance(row, np.ndarray)"),
    ("E0149", "kind = type(payment.amount)\nreturn row", "type(payment.amount)"),
    ("E0149", "if hasattr(payment, 'note'):\n    pass\nreturn row", "hasattr(payment, 'note')"),
    ("E0149", "return getattr(payment, 'row')", "getattr(payment, 'row')"),
    ("E0149", "f = lambda x: isinstance(x, float)\nreturn row", "isinstance(x, float)"),
    ("E0150", "key = f'user-{payment.country}'\nreturn row", "f'user-{payment.country}'"),
    ("E0150", "key = 'user-{}'.format(payment.country)\nreturn row", "'user-{}'.format(payment.country)"),
    ("E0150", "key = 'user-%s' % payment.country\nreturn row", "'user-%s' % payment.country"),
    ("E0150", "key = 'user-%s-%d' % (payment.country, 3)\nreturn row", "'user-%s-%d' % (payment.country, 3)"),
    ("E0150", "key = ', '.join([payment.country, 'x'])\nreturn row", "', '.join([payment.country, 'x'])"),
    ("E0151", "return boosted(row) * float(payment.amount)", "float(payment.amount)"),
    ("E0151", "print('score', boosted(row))\nreturn row", "print('score', boosted(row))"),
    ("E0151", "n = len(row)\nreturn row", "len(row)"),
    ("E0151", "key = str(payment.amount)\nreturn row", "str(payment.amount)"),
    ("E0151", "i = int(payment.amount)\nreturn row", "int(payment.amount)"),
    ("E0151", "b = bool(payment.amount)\nreturn row", "bool(payment.amount)"),
    ("E0151", "for i in range(payment.amount):\n    pass\nreturn row", "range(payment.amount)"),
    ("E0151", "log.info('score %s', boosted(row))\nreturn row", "log.info('score %s', boosted(row))"),
    ("E0151", "c = Country(payment.country)\nreturn row", "Country(payment.country)"),
    ("E0152", "for x in row:\n    pass\nreturn row", "row"),
    ("E0152", "for r in rows(payment):\n    pass\nreturn row", "rows(payment)"),
    ("E0153", "return [boosted(r) for r in rows(payment)]", "rows(payment)"),
    ("E0153", "return {i: x for i, x in payment.row}", "payment.row"),
    ("E0153", "return sum(x for x in row)", "row"),
    ("E0154", "try:\n    x = boosted(row)\nexcept ValueError:\n    x = neural(row)\nreturn x", "try"),
    ("E0155", "match payment.country:\n    case 'DE':\n        return row\nreturn row", "payment.country"),
    ("E0155", "match (payment.amount, 1):\n    case (0, x):\n        pass\nreturn row", "(payment.amount, 1)"),
    ("E0156", "with open('log.txt') as f:\n    return boosted(row)", "with"),
    ("E0157", "x = boosted(row)\ndel x\nreturn row", "x"),
    ("E0157", "del row[0]\nreturn row", "row[0]"),
    ("E0158", "global DEBUG\nDEBUG = True\nreturn row", "global DEBUG"),
    ("E0159", "yield row", "yield row"),
    ("E0160", "return Decision(allow=True, score=boosted(row))", "Decision(allow=True, score=boosted(row))"),
    ("E0160", "p = Pair(1.0, boosted(row))\nreturn row", "Pair(1.0, boosted(row))"),
    ("E0160", "p = Both(1.0, boosted(row))\nreturn row", "Both(1.0, boosted(row))"),
    ("E0160", "p = Pair(*split(row))\nreturn row", "Pair(*split(row))"),
    ("E0160", "return Decision.model_validate({'score': boosted(row)})",
     "Decision.model_validate({'score': boosted(row)})"),
    ("E0161", "return np.exp(row)", "np.exp(row)"),
    ("E0161", "return np.concatenate([row, row])", "np.concatenate([row, row])"),
    ("E0161", "return math.sqrt(payment.amount)", "math.sqrt(payment.amount)"),
    ("E0161", "return np.linalg.norm(row)", "np.linalg.norm(row)"),
    ("E0162", "row[0] = 1.0\nreturn row", "row[0]"),
    ("E0162", "payment.amount = 2.0\nreturn row", "payment.amount"),
    ("E0162", "row[0] += 1.0\nreturn row", "row[0]"),
    ("E0163", "first, *rest = row\nreturn row", "*rest"),
    ("E0163", "return dagc.mean(*row)", "*row"),
    ("E0163", "return [*row]", "*row"),
    ("E0164", "limit = LIMITS[payment.country]\nreturn row", "payment.country"),
    ("E0164", "x = {payment.country: 1}\nreturn row", "payment.country"),
    ("E0164", "x = {payment.country, 'DE'}\nreturn row", "payment.country"),
    ("E0164", "return row[dagc.argmax(row)]", "dagc.argmax(row)"),
    ("E0166", "return sum(row)", "sum(row)"),
    ("E0166", "return max(boosted(row), neural(row))", "max(boosted(row), neural(row))"),
    ("E0166", "return min([boosted(row), neural(row)])", "min([boosted(row), neural(row)])"),
    ("E0166", "return any(s > 0.5 for s in halves(row))", "any(s > 0.5 for s in halves(row))"),
    ("E0166", "return list(row)", "list(row)"),
    ("E0166", "return [a * w for a, w in zip(row, WEIGHTS)]", "zip(row, WEIGHTS)"),
    ("E0166", "return sorted(row)", "sorted(row)"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "body", "place"), REFUSED, ids=[f"{c} {b[:40]!r}" for c, b, _ in REFUSED])
def test_a_mistake_is_found_at_its_own_columns(code: str, body: str, place: str) -> None:
    (mistake,) = found(body)
    assert mistake.code == code
    assert underlined(mistake, body) == place
    assert mistake.help
    assert not re.search(r"\{\w+\}", mistake.message + mistake.help)


ACCEPTED = [
    "x = boosted(row)\nfor i in range(3):\n    x = x * 2\nreturn x",
    "if DEBUG:\n    return neural(row)\nreturn boosted(row)",
    "return boosted(row) if DEBUG else neural(row)",
    "return dagc.where(boosted(row) > 0.5, boosted(row), neural(row))",
    "return (row > 0) & (row < 1)",
    "return dagc.mean(*[model(row) for model in (boosted, neural)])",
    "scores = [boosted(row), neural(row)]\nscores.append(boosted(row))\nreturn dagc.mean(*scores)",
    "xs = []\nfor model in (boosted, neural):\n    xs.append(model(row))\nreturn sum(xs) / len(xs)",
    "xs = [boosted(row), neural(row)]\nreturn sum(xs) / len(xs) if bool(xs) else xs[0]",
    "scores = {}\nscores['a'] = boosted(row)\nreturn scores['a']",
    "scores = {'a': boosted(row), 'b': neural(row)}\nfor name, s in scores.items():\n    s = s * 2\nreturn s",
    "return sum(w * m(row) for w, m in zip(WEIGHTS, (boosted, neural)))",
    "for name, s in (('a', boosted(row)), ('b', neural(row))):\n    if name == 'a':\n        return s",
    "for i, s in enumerate([boosted(row), neural(row)]):\n    if i:\n        row = row * s\nreturn row",
    "a, b = split(row)\nfirst, *rest = split(row)\nreturn dagc.mean(a, b)",
    "for s in split(row):\n    row = row * s\nreturn row",
    "for output in boosted(row):\n    row = output\nreturn row",
    "a, b = boosted(row)\nreturn a",
    "if (n := len(WEIGHTS)) > 1 and n < 3:\n    return row * n\nreturn row",
    "total = 0.0\ntotal += boosted(row)\nreturn total",
    "row *= 2\nreturn row",
    "return boosted(row) + sum(constant(3))",
    "return optional(row)",
    "return recursive(row, 3)",
    "a, b = halves(row)\nreturn a + b",
    "return decision(allow=boosted(row) > 0.5, score=neural(row))",
    "return row * math.sqrt(2) + np.float32(3)",
    "weights = np.array(WEIGHTS)\nif weights.sum() > 1:\n    weights = weights / weights.sum()\nreturn row",
    "p = Pair(1.0, 2.0)\nif p.a > 1:\n    pass\nreturn row * p.a",
    "assert len(WEIGHTS) == 2, f'{len(WEIGHTS)} weights'\nreturn row",
    "print('building')\nreturn abs(row)",
    "combine = lambda a, b=None: a if b is None else a + b\nreturn combine(row)",
    "def combine(x, scale=2.0):\n    return x * scale\nreturn combine(row)",
    "x = DEBUG and 3 or 4\ny = not DEBUG\nreturn row * x",
    "name = 'DE'\nif name in LIMITS and name is not None and 0 < LIMITS[name] < 1:\n    pass\nreturn row",
    "del_me = 3\ndel del_me\nreturn row",
    "import math as m\nreturn row * m.pi",
    "first = row[0]\nreturn row[1:3] * first",
    "key = f'{DEBUG}-{len(WEIGHTS)}'\nreturn row",
    "match DEBUG:\n    case True:\n        return neural(row)\nreturn boosted(row)",
    "return dagc.mean(*map(lambda m: m(row), (boosted, neural)))",
    "x, y = divmod(payment.amount, 3)\nreturn row * x",
    "return -row + +row",
    "pairs = [('a', boosted(row)), ('b', neural(row))]\nreturn dagc.mean(*[s for n, s in pairs if n != 'a'])",
]


@pytest.mark.parametrize("body", ACCEPTED, ids=[b[:50] for b in ACCEPTED])
def test_ordinary_python_is_left_alone(body: str) -> None:
    assert [f"{d.code} {d.message}" for d in found(body)] == []


def test_all_mistakes_of_a_body_are_told_in_order() -> None:
    body = "\n".join(
        [
            "if payment.amount > 3:",
            "    row = np.exp(row)",
            "key = f'{payment.country}' if payment.note is None else 'x'",
            "for x in row:",
            "    print(x, row)",
            "return Decision(allow=True, score=boosted(row))",
        ]
    )
    assert [d.code for d in found(body)] == ["E0140", "E0161", "E0150", "E0146", "E0152", "E0151", "E0160"]


def test_a_mistake_makes_no_further_ones() -> None:
    assert [d.code for d in found("for x in row:\n    print(x)\n    if x is None:\n        pass\nreturn x")] == [
        "E0152"
    ]
    assert [d.code for d in found("if len(row) > 3 and float(row[0]) > 1:\n    pass\nreturn row")] == [
        "E0151",
        "E0151",
    ]


def test_a_mistake_does_not_hide_the_next_one() -> None:
    assert [d.code for d in found("x = row > 0 and row < 1\nif x:\n    pass\nreturn x")] == ["E0144", "E0140"]
    assert [d.code for d in found("x = np.exp(row)\nreturn float(x)")] == ["E0161", "E0151"]


def test_what_is_mistaken_inside_an_async_graph_is_told_too() -> None:
    head = "async def graph(payment: Payment, row: Row) -> Score:"
    body = "x = await profile(payment.country)\nasync for y in row:\n    pass\nasync with row:\n    return row"
    assert [(d.code, underlined(d, body)) for d in found(body, head=head)[1:]] == [
        ("E0152", "row"),
        ("E0156", "async with"),
    ]


def test_the_cases_of_a_match_are_shown() -> None:
    body = "match payment.country:\n    case 'DE':\n        pass\n    case _:\n        pass\nreturn row"
    (mistake,) = found(body)
    assert [label.text for label in mistake.labels[1:]] == ["compared here", "compared here"]


def test_an_async_graph_is_refused_at_its_def() -> None:
    head = "async def graph(payment: Payment, row: Row) -> Score:"
    (mistake,) = found("return boosted(row) * await profile(payment.country)", head=head)
    assert mistake.code == "E0159"
    assert mistake.span is not None
    assert (mistake.span.column, mistake.span.end_column) == (1, 10)


@pytest.mark.parametrize("default", ["[]", "{}", "{1}", "list()", "[0 for _ in WEIGHTS]"])
def test_a_default_shared_by_all_requests_is_refused(default: str) -> None:
    (mistake,) = found("return row", head=f"def graph(row: Row, *, reasons: list[str] = {default}) -> Score:")
    assert mistake.code == "E0165"
    assert "`reasons`" in mistake.message


def test_constant_defaults_are_left_alone() -> None:
    assert (
        found("return row", head="def graph(row: Row, k: int = 3, names: tuple[str, ...] = ('a',)) -> Score:")
        == []
    )


def test_undecorated_functions_of_the_file_belong_to_the_body() -> None:
    (mistake,) = found("return risky(boosted(row))")
    assert mistake.code == "E0140"
    assert "`score > limit`" in mistake.message
    assert found("return row * risky(0.7)") == []


def test_columns_count_characters_not_bytes() -> None:
    body = "größe = 'ü'; x = len(row)\nreturn row"
    (mistake,) = found(body)
    assert underlined(mistake, body) == "len(row)"


def test_what_a_loop_leaves_in_a_name_is_known_in_its_next_round() -> None:
    body = "x = 1\nfor i in range(2):\n    if x:\n        pass\n    x = boosted(row)\nif x:\n    pass\nreturn x"
    # In the first round `x` is 1, so only running the body can tell: a symbolic value refuses that itself.
    assert found(body) == []
    assert [d.code for d in found(body.replace("if x", "if x is DEBUG"))] == ["E0146", "E0146"]


def test_a_numpy_function_with_a_twin_names_it() -> None:
    (mistake,) = found("return np.exp(row)")
    assert mistake.help == "write `dagc.exp` here, or call `np.exp` inside a step"
    (mistake,) = found("return np.linalg.norm(row)")
    assert mistake.help == "call `np.linalg.norm` inside a step"


def test_a_record_made_in_the_body_is_told_how_to_be_a_step() -> None:
    (mistake,) = found("return Decision(allow=True, score=boosted(row))")
    assert (
        mistake.help == "declare `decision = dagc.step(Decision)` beside the graph and call `decision(...)` here"
    )


def test_a_step_written_inside_a_body_is_ordinary_python() -> None:
    body = "@dagc.step\ndef inner(x: float) -> float:\n    return x if x > 1 else float(x)\nreturn row"
    assert found(body) == []


def test_every_text_has_a_page_with_a_title() -> None:
    assert set(TEXTS) <= set(codes())
    assert all(title(code) for code in TEXTS)


def example(code: str, heading: str) -> str:
    shown = re.search(rf"^## {heading}\n\n```python\n(.*?)^```", page(code), re.DOTALL | re.MULTILINE)
    assert shown is not None
    return shown[1]


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_the_bad_example_of_a_page_makes_one_mistake_and_the_good_one_none(folder: Path, code: str) -> None:
    assert [d.code for d in mistakes(example(code, "Bad").replace("def fraud(", "def graph("))] == [code]
    (folder / "graph.py").write_text(example(code, "Good"), encoding="utf-8")
    report = Report()
    assert load(folder / "graph.py", report)
    assert report.diagnostics == ()


def test_every_code_is_tried() -> None:
    assert {code for code, _, _ in REFUSED} | {"E0165"} == set(TEXTS)


def test_every_accepted_body_is_python() -> None:
    for body in ACCEPTED:
        ast.parse("def f():\n" + "\n".join(f"    {line}" for line in body.splitlines()))
