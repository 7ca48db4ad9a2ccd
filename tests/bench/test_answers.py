"""Right answers are told from wrong ones, within a tolerance, and by bytes where that is enough."""

import json

import pytest

from dagc.bench.answers import Answers, Question, near


def body(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("given", "wanted", "same"),
    [
        ({"a": 1.00004, "more": 2}, {"a": 1.0}, True),
        ({"a": 1.1}, {"a": 1.0}, False),
        ({}, {"a": 1.0}, False),
        ([1.0, 2.0], [1.0], False),
        ([[1], ["x"]], [[1], ["x"]], True),
        (True, 1.5, False),
        ("a", "a", True),
    ],
)
def test_documents_are_compared_number_by_number(given, wanted, same):
    assert near(given, wanted, 1e-4) is same


def test_a_stored_answer_counts():
    answers = Answers([Question.of("one", {"x": 1}, {"y": 2.0}, 0.5)])
    assert answers.learn(0, body({"y": 2.4}), body({"y": 2.4})) is None
    assert answers.is_right(0, body({"y": 1.6}))
    assert not answers.is_right(0, body({"y": 2.6}))
    assert not answers.is_right(0, b"no JSON")
    assert "one" in (answers.learn(0, body({"y": 9.0}), body({"y": 9.0})) or "")


def test_without_one_a_single_client_says_what_is_right():
    answers = Answers([Question.of("first", 1), Question.of("second", 2)])
    answers.learn(0, body({"y": 1.0}), body({"y": 1.00001}))
    answers.learn(1, body({"y": 2.0}), body({"y": 2.0}))
    assert answers.is_right(0, body({"y": 1.00003}))
    assert not answers.is_right(0, body({"y": 2.0})), "the answer to another request"
    assert answers.unchecked == 0


def test_an_answer_that_differs_each_time_is_not_checked_and_that_is_told():
    answers = Answers([Question.of("a random number", None)])
    answers.learn(0, body(1), body(2))
    assert answers.unchecked == 1
    assert answers.is_right(0, body(3))
