"""Statements are laid out as `ruff format` leaves them, whatever their length, and literals keep their value."""

import ast
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dagc.backends.layout import WIDTH, Group, Statement, call, laid_out, literal, signature, targets, width

RUFF = Path(sys.executable).with_name("ruff")
needs_ruff = pytest.mark.skipif(not RUFF.exists() and not shutil.which("ruff"), reason="ruff is not installed")


def formatted(text: str) -> str:
    command = [str(RUFF), "format", "--isolated", "--line-length", str(WIDTH), "--stdin-filename", "main.py", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, encoding="utf-8")
    return done.stdout


def random_expression(chance: random.Random, depth: int = 0):
    kind = chance.randrange(6 if depth < 3 else 3)
    if kind < 2:
        return ".".join("n" * chance.randrange(1, 25) for _ in range(chance.randrange(1, 3)))
    if kind == 2:
        return literal(chance.choice([True, None, -1, 0.5, 1e16, 1e-7, "it's", 'say "x"', "é😀漢字", 10**20]))
    items = [random_expression(chance, depth + 1) for _ in range(chance.randrange(1, 6))]
    if kind == 3:
        return Group("[", tuple(items), "]")
    return call("f" * chance.randrange(1, 20), items)


@needs_ruff
def test_a_thousand_random_statements_are_left_alone_by_the_formatter():
    chance = random.Random(11)
    lines: list[str] = []
    for at in range(1000):
        names = ["v" * chance.randrange(1, 30) for _ in range(chance.choice([1, 1, 2, 3, 9]))]
        prefix = chance.choice([targets(names), "return ", ""])
        expression = call("await f", [random_expression(chance) for _ in range(chance.randrange(4))])
        comment = chance.choice(["", "graph.py:7", "graph.py:" + ", ".join(map(str, range(10, 40, 2)))])
        lines += ["", "", *signature(f"async def f{at}", names, " -> graph.Decision:")]
        lines += laid_out(Statement(prefix, expression, comment), depth=1)
    text = "\n".join(lines).lstrip() + "\n"
    assert formatted(text) == text


@needs_ruff
def test_returned_tuples_are_left_alone_by_the_formatter():
    lines = []
    for count in (1, 2, 3, 9):
        for length in (3, 30):
            items = tuple("v" * length for _ in range(count))
            group = Group("(", items, ",)") if count == 1 else Group("(", items, ")", bare=True)
            lines += ["", "", f"def f{count}_{length}():", *laid_out(Statement("return ", group), depth=1)]
    text = "\n".join(lines).lstrip() + "\n"
    assert formatted(text) == text


def test_texts_keep_their_value_in_the_quotes_a_formatter_prefers():
    chance = random.Random(3)
    for _ in range(3000):
        text = "".join(chance.choice("ab'\"\\\n\r\t{}#é漢\x7f\u2028\x00") for _ in range(chance.randrange(9)))
        found = literal(text)
        assert isinstance(found, str) and ast.literal_eval(found) == text
    assert [literal(t) for t in ("a", "it's", 'say "x"', "'\"")] == ['"a"', '"it\'s"', "'say \"x\"'", '"\'\\""']


def test_wide_characters_count_for_two():
    assert width("ab漢字") == 6
