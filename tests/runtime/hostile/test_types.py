"""Every kind of type is checked, and the refusal names the field that is wrong."""

import copy
import json

import httpx
import pytest

from tests.runtime.hostile.conftest import Target

pytestmark = pytest.mark.port

GOOD = {
    "text": "abc", "count": 1, "rate": 0.5, "flag": True, "colour": "red", "level": 1, "day": "2026-02-28",
    "at": "2026-02-28T12:00:00Z", "hour": "12:30:00", "span": "PT1H", "price": "12.50",
    "key": "6f9619ff-8b86-4011-b42d-00c04fc964ff", "place": "https://example.com/", "host": "127.0.0.1",
    "shape": {"kind": "circle", "radius": 1.5}, "either": "none", "pair": [1, "a"], "names": ["a", "b"],
    "table": {"a": 1}, "nested": [[1, 2], []], "tree": {"name": "a", "children": [{"name": "b"}]},
    "row": [1.0, 2.0, 3.0], "ids": [1, 2], "even": 2, "low": 1, "high": 2, "na-me": "x",
}  # fmt: skip
WRONG = [
    ("text", ""), ("text", "x" * 11), ("text", "ABC"), ("text", 7), ("text", None), ("text", ["a"]), ("text",
    "a\n"),
    ("count", -1), ("count", 101), ("count", 1.5), ("count", 10**400),
    ("rate", 0), ("rate", 1), ("rate", None), ("flag", None),
    ("colour", "green"), ("colour", 1), ("colour", None), ("level", 3), ("level", "LOW"), ("level", [1]),
    ("day", "2026-02-30"), ("day", "yesterday"), ("day", 1e300), ("day", []), ("at", "2026-02-28T25:00:00Z"),
    ("at", "now"), ("at", {}), ("hour", "25:00"), ("hour", "x"), ("span", "an hour"), ("span", "P1Q"),
    ("price", "12.505"), ("price", "99999.99"), ("price", "NaN"), ("price", "Infinity"), ("price", "1e999999"),
    ("price", "x"), ("price", None), ("key", "6f9619ff"), ("key", 1), ("place", "no url"), ("place", 1),
    ("host", "999.1.1.1"), ("host", "::1"), ("shape", {"kind": "star"}), ("shape", {}), ("shape", None),
    ("shape", {"radius": 1.0}), ("either", "some"), ("either", 1.5), ("either", None), ("pair", [1]),
    ("pair", [1, "a", 2]), ("pair", ["a", 1]), ("pair", {}), ("names", ["a", "b", "c", "d"]), ("names", [1]),
    ("names", "abc"), ("table", {"c": 1}), ("table", {"a": "x"}), ("table", []), ("nested", [[1, 2, 3]]),
    ("nested", [[-1]]), ("nested", [1]), ("nested", [[None]]), ("tree", {}), ("tree", None),
    ("tree", {"name": "a", "children": [{}]}), ("tree", {"name": "a" * 9}),
    ("tree", {"name": "a", "children": [{"name": "b"}] * 4}), ("row", [1, 2]), ("row", [1, 2, "3"]),
    ("row", [[1, 2, 3]]), ("row", [1e300, 0, 0]), ("row", None), ("row", {}), ("row", [None] * 3), ("ids", [1.5]),
    ("ids", [2**70]), ("ids", ["1"]), ("ids", [True]), ("even", 3), ("low", 9.5), ("na-me", 7),
    ("note", 7), ("unknown", 1),
]  # fmt: skip
INSIDE = {"shape": "shape.circle.radius", "nested": "nested.1.0", "tree": "tree.children.0.name"}


def post(target: Target, body: object, path: str = "/v1/everything") -> httpx.Response:
    headers = {"content-type": "application/json"}
    return httpx.post(f"{target.address}{path}", content=json.dumps(body).encode(), headers=headers)


def test_a_good_request_is_answered(target: Target) -> None:
    answer = post(target, GOOD)
    assert (answer.status_code, answer.json()["text"]) == (200, "abc"), answer.text


@pytest.mark.parametrize(("field", "value"), WRONG, ids=lambda value: str(value)[:30])
def test_a_wrong_value_is_a_422_that_names_its_field(target: Target, field: str, value: object) -> None:
    answer = post(target, {**GOOD, field: value})
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["field"].split(".")[0] == field
    assert len(answer.content) < 2000


@pytest.mark.parametrize("field", [name for name in GOOD if name != "na-me"])
def test_a_missing_value_is_a_422_that_names_its_field(target: Target, field: str) -> None:
    answer = post(target, {name: value for name, value in GOOD.items() if name != field})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, field)


def test_fields_deep_inside_are_named_with_their_path(target: Target) -> None:
    body = copy.deepcopy(GOOD)
    body["shape"]["radius"] = -1
    body["nested"] = [[1], [-1]]
    body["tree"]["children"][0]["name"] = 7
    named = {each["field"] for each in post(target, body).json()["error"]["details"]}
    assert named == set(INSIDE.values())


def test_a_rule_of_the_whole_is_a_422(target: Target) -> None:
    answer = post(target, {**GOOD, "low": 9})
    assert (answer.status_code, "low is above high" in answer.text) == (422, True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"), ({"text": "a", "numbers": [1], "row": [1, 2, 3], "factor": "x"}, "factor"),
        ({"text": "a", "numbers": [1.5], "row": [1, 2, 3]}, "numbers.0"), ({"text": "a", "numbers": {}},
        "numbers"),
        ({"text": "a", "numbers": [], "row": [1, 2, 3], "shape": 7}, "shape.Circle"),
        ({"text": "a", "numbers": [], "row": [1, 2, 3], "more": 7}, "more"),
    ],
)  # fmt: skip
def test_parameters_are_named_as_fields_are(target: Target, body: object, field: str) -> None:
    answer = post(target, body, "/v1/pieces")
    assert answer.status_code == 422
    assert field in {each["field"] for each in answer.json()["error"]["details"]}


@pytest.mark.parametrize("body", [None, 7, "text", [], [GOOD], True, 1.5])
@pytest.mark.parametrize("path", ["/v1/everything", "/v1/pieces", "/v1/image"])
def test_a_body_of_another_kind_is_a_422(target: Target, body: object, path: str) -> None:
    assert post(target, body, path).status_code == 422
