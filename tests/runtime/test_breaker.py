"""A circuit breaker, with a clock of the test's own."""

from dagc.runtime.breaker import CLOSED, FAILURES, HALF_OPEN, OPEN, Breaker

REST_S = 2.0
MOMENT_S = 0.1


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[Breaker, Clock, list[int]]:
    clock, told = Clock(), list[int]()
    breaker = Breaker(told.append, REST_S, clock=clock)
    for _ in range(FAILURES):
        assert breaker.allows()
        breaker.failed()
    return breaker, clock, told


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(lambda state: None, REST_S)
    for _ in range(3):
        for _ in range(FAILURES - 1):
            breaker.failed()
        breaker.succeeded()
    assert breaker.state == CLOSED
    assert opened()[2] == [OPEN]


def test_without_such_a_moment_failures_right_after_a_success_open_it() -> None:
    clock, told = Clock(), list[int]()
    breaker = Breaker(told.append, REST_S, clock=clock)
    breaker.succeeded()
    for _ in range(FAILURES):
        breaker.failed()
    assert told == [OPEN]


def test_failures_of_one_moment_in_which_another_call_succeeded_do_not_open_it() -> None:
    clock, told = Clock(), list[int]()
    breaker = Breaker(told.append, REST_S, MOMENT_S, clock)
    breaker.succeeded()
    for _ in range(2 * FAILURES):
        breaker.failed()
    assert told == []
    clock.now += 2 * MOMENT_S
    breaker.failed()
    assert told == [OPEN]


def test_one_call_tries_for_all_and_closes_it() -> None:
    breaker, clock, told = opened()
    assert not breaker.allows()
    clock.now += REST_S
    assert breaker.allows() and not breaker.allows()
    breaker.succeeded()
    assert breaker.allows() and told == [OPEN, HALF_OPEN, CLOSED]


def test_a_trial_that_fails_opens_it_again_and_one_that_is_given_up_leaves_the_next_to_try() -> None:
    breaker, clock, told = opened()
    clock.now += REST_S
    assert breaker.allows()
    breaker.given_up()
    assert breaker.allows()
    breaker.failed()
    assert not breaker.allows()
    assert told == [OPEN, HALF_OPEN, OPEN]


def test_a_trial_of_which_nothing_is_heard_is_followed_by_another() -> None:
    breaker, clock, _ = opened()
    clock.now += REST_S
    assert breaker.allows() and not breaker.allows()
    clock.now += REST_S
    assert breaker.allows()


def test_what_fails_after_it_opened_does_not_put_the_trial_off() -> None:
    breaker, clock, _ = opened()
    clock.now += REST_S / 2
    breaker.failed()
    clock.now += REST_S / 2
    assert breaker.allows()
