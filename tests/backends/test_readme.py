"""README.md tells what the build is, and nothing a user wrote draws on it."""

import json
import random
import re
import shlex

from dagc.backends.openapi import openapi
from dagc.backends.readme import prose, readme
from dagc.backends.service import settings

SPICES = [
    "\n",
    "# x",
    "```",
    "|",
    "<b>",
    "&",
    "[a](b)",
    "*",
    "_",
    "`",
    "\\",
    "\r",
    "\x1b",
    "- ",
    "1. ",
    "'",
    "$(x)",
    "é",
    "{{ 1 }}",
]


def seasoned(plan, text):
    (service,) = plan.services
    schema = {"type": "object", "title": text, "description": text, "properties": {text: {"default": text}}}
    changes = {
        "summary": text,
        "version": text,
        "request_schema": schema,
        "response_schema": schema,
        "example": {text: text},
    }
    endpoints = tuple(e.model_copy(update=changes) for e in service.endpoints)
    sessions = tuple(s.model_copy(update={"parts": (text,), "one_by_one": text}) for s in service.sessions)
    changed = service.model_copy(update={"endpoints": endpoints, "sessions": sessions})
    return plan.model_copy(update={"services": (changed,), "remarks": (text, text)})


def headings(text):
    """Headings, and the number of cells of each table row, outside code blocks."""
    found, fenced = [], False
    for row in text.splitlines():
        if row.startswith("```"):
            fenced = not fenced
        if fenced or row.startswith("```"):
            continue
        if row.startswith("#"):
            found.append(row)
        if row.startswith("|"):
            found.append(len(re.findall(r"(?<!\\)\|", row)))
    return found


def test_the_readme_is_the_golden_one(plan, golden):
    golden("README.md", readme(plan, None))


def test_the_request_of_the_readme_is_one_a_shell_passes_on_whole(plan):
    (line, *_) = (row for row in readme(plan, None).splitlines() if row.startswith("curl"))
    assert json.loads(shlex.split(line)[-1]) == {"user_id": "text", "amount": 1.0, "country": "DE"}


def test_prose_shows_what_it_was_given_on_one_line():
    assert prose("a *b*\n<c> & d_e") == r"a \*b\* &lt;c&gt; &amp; d\_e"
    assert prose("- no list") == r"\- no list" and prose("1. no list") == r"1\. no list"
    assert prose("pre-processing (v1.2)!") == "pre-processing (v1.2)!"


def test_five_hundred_hostile_texts_leave_the_readme_and_the_json_in_shape(plan):
    chance = random.Random(9)
    wanted = headings(readme(seasoned(plan, "plain"), None))
    for _ in range(500):
        text = "".join(chance.choice(SPICES) for _ in range(chance.randrange(1, 6)))
        changed = seasoned(plan, text)
        made = readme(changed, None)
        assert headings(made) == wanted
        assert all(character.isprintable() or character == "\n" for character in made)
        found = json.loads(openapi(changed.services[0]))
        assert found["paths"]["/v1/fraud"]["post"]["requestBody"]["content"]["application/json"]["example"] == {
            text: text
        }
        json.loads(settings(changed.services[0], "0.1.0"))
