"""How many examples a heavy run takes: as many as make one cheaper, and no more."""

import pytest

from dagc.runtime.batch_size import BatchSize

ROW = ((4,),)


def settled(cost, most: int = 64, waiting: int = 64) -> int:
    """The size after many runs where a run of n examples takes cost(n) seconds."""
    sizes = BatchSize(most)
    for _ in range(50):
        count = sizes.of(waiting)
        sizes.took(ROW, count, cost(count))
    return sizes.of(waiting)


@pytest.mark.parametrize(
    ("cost", "size"),
    [
        (lambda n: 0.010, 64),  # all of it is the run's own cost
        (lambda n: 0.010 * n, 1),  # nothing is
        (lambda n: 0.130 * n + 0.008 * n * n, 1),  # more together than apart
        (lambda n: 0.010 + 0.004 * n, 32),  # 64 would save 4 % of a row
        (lambda n: 0.010 + 0.001 * n + 0.1 * max(0, n - 8), 8),  # a cliff behind 8
    ],
)
def test_runs_grow_as_long_as_an_example_gets_cheaper(cost, size: int) -> None:
    assert settled(cost) == size


def test_a_run_takes_no_more_than_wait_and_no_more_than_it_may() -> None:
    assert settled(lambda n: 0.01, most=8) == 8
    assert settled(lambda n: 0.01, waiting=3) == 3


def test_the_first_runs_double() -> None:
    sizes = BatchSize(64)
    seen = []
    for _ in range(5):
        seen.append(sizes.of(15))
        sizes.took(ROW, seen[-1], 0.01)
    assert seen == [1, 2, 4, 8, 15]


def test_wide_examples_do_not_pass_for_dear_ones() -> None:
    sizes = BatchSize(64)
    sizes.took(((3, 48, 100),), 1, 0.010)
    sizes.took(((3, 48, 400),), 2, 0.040)  # four times as wide, two of them, in four times the time
    assert sizes.of(64) == 4


def test_a_size_that_was_refused_once_gets_another_chance() -> None:
    sizes = BatchSize(64)
    sizes.took(ROW, 1, 0.010)
    sizes.took(ROW, 2, 5.0)  # somebody else had the processor
    assert sizes.of(64) == 1
    for _ in range(70):
        count = sizes.of(64)
        sizes.took(ROW, count, 0.010)
    assert sizes.of(64) > 1
