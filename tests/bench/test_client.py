"""The client against a real service: it counts every answer once, and knows right from wrong."""

import pytest

from dagc.bench.answers import Answers, Question
from dagc.bench.client import Load, offer
from dagc.bench.questions import UnfitServiceError, answered, described, target
from dagc.bench.scrape import mean_rows, parts, scrape

pytestmark = [pytest.mark.port, pytest.mark.ort]

ROUTE = "/v1/double"


def question(first: float, response: object = None) -> Question:
    return Question.of(f"a row from {first}", {"row": [first, 2.0, 3.0]}, response)


def test_a_closed_loop_ends_after_its_requests_and_counts_each(address):
    aim = target(address, ROUTE)
    answers = answered(aim, [question(1.0), question(4.0)])
    found = offer(aim, answers, Load(30.0, 4, most=50))
    assert dict(found.statuses) == {200: found.due}
    assert 50 <= found.due < 54, "each of four connections may have one more under way"
    assert len(found.latencies_s) == found.due and found.errors == 0
    assert found.latencies_s == sorted(found.latencies_s)
    assert 0 < found.percentile_ms(50) <= found.percentile_ms(99.9)


def test_an_open_loop_offers_its_rate_whatever_the_service_does(address):
    aim = target(address, ROUTE)
    found = offer(aim, answered(aim, [question(1.0)]), Load(1.0, 64, rate=100.0))
    assert 60 < found.due < 150, "a Poisson process of 100"
    assert sum(found.statuses.values()) + found.unsent + found.lost == found.due


def test_a_wrong_answer_is_counted_and_shown(address):
    aim = target(address, ROUTE)
    answers = Answers([question(1.0, [0.0, 0.0, 0.0])])
    found = offer(aim, answers, Load(10.0, 1, most=3))
    assert found.wrong == 3 and found.errors == 3 and found.latencies_s == []
    assert found.example == "[2.0,4.0,6.0]"


def test_refusals_are_errors_by_status(address):
    aim = target(address, ROUTE)
    found = offer(aim, Answers([question(-1.0)]), Load(10.0, 1, most=5))
    assert dict(found.statuses) == {422: found.due} and found.errors == found.due


def test_a_question_that_is_refused_is_left_out_and_all_refused_is_told(address):
    aim = target(address, ROUTE)
    assert [q.name for q in answered(aim, [question(-1.0), question(1.0)]).questions] == ["a row from 1.0"]
    with pytest.raises(UnfitServiceError) as raised:
        answered(aim, [question(-1.0)])
    assert raised.value.code == "E0707" and "below 0" in raised.value.note


def test_a_stored_answer_that_is_not_given_is_told_before_any_load(address):
    with pytest.raises(UnfitServiceError) as raised:
        answered(target(address, ROUTE), [question(1.0, [2.0, 4.0, 7.0])])
    assert raised.value.code == "E0706"


def test_a_large_request_arrives_whole(address):
    aim = target(address, ROUTE)
    padded = Question("padded", b" " * 30_000 + question(1.0).body)
    found = offer(aim, answered(aim, [padded]), Load(10.0, 2, most=4))
    assert found.errors == 0 and found.due >= 4


def test_a_service_describes_its_endpoints(address):
    ((route, schema, example),) = described(address)
    assert route == ROUTE and isinstance(schema, dict) and isinstance(example, dict)
    with pytest.raises(UnfitServiceError):
        list(described("http://127.0.0.1:9"))


@pytest.mark.parametrize("text", ["https://a.example", "ftp://a", "http://"])
def test_only_plain_http_can_be_asked(text):
    with pytest.raises(UnfitServiceError):
        target(text, ROUTE)


def test_the_services_own_numbers_tell_its_parts(address):
    aim = target(address, ROUTE)
    answers = answered(aim, [question(1.0)])
    before = scrape(address)
    offer(aim, answers, Load(30.0, 2, most=40))
    after = scrape(address)
    (session,) = mean_rows(before, after)
    assert {part.name: part.calls for part in parts(before, after)}[session] > 0
    assert mean_rows(before, after)[session] >= 1.0


def test_a_key_in_the_environment_is_given_and_none_without(monkeypatch):
    aim = target("http://127.0.0.1:8000", "/v1/rate")
    monkeypatch.delenv("DAGC_KEY", raising=False)
    assert b"authorization" not in aim.request(b"{}")
    monkeypatch.setenv("DAGC_KEY", "abc\n")
    head, _, body = aim.request(b"{}").partition(b"\r\n\r\n")
    assert b"authorization: Bearer abc" in head.split(b"\r\n")
    assert body == b"{}"
