"""The batcher by itself: lanes and riders that leave while their batch is handed out."""

import asyncio

import numpy as np

from dagc.runtime.batcher import Batcher, Failure, Run, run_each
from dagc.runtime.observer import Watch


class Doubling:
    """A session in Python that fails on negative numbers."""

    is_step = False
    name = "doubling"
    max_batch = 8
    max_wait_s = 0.0
    is_heavy = False

    def __init__(self):
        self.ran = []

    def lane(self, example):
        return example[0].shape

    def took(self, seconds):
        pass

    def run(self, examples):
        self.ran.append(len(examples))
        if any((rows[0] < 0).any() for rows in examples):
            raise ValueError("negative")
        return [rows[0] * 2 for rows in examples]


class Rider:
    def __init__(self, then=None):
        self.got, self.then = [], then

    def wanted(self, now):
        return True

    def deliver(self, outcome):
        self.got.append(outcome)
        if self.then is not None:
            self.then()


def run_of(batcher, session, *numbers):
    return Run(batcher, session, (np.array(numbers),))


def test_a_rider_cancelled_while_its_batch_is_handed_out_strands_nobody():
    async def ask():
        batcher, session = Batcher(Watch()), Doubling()
        batcher.add(run_of(batcher, session, 1), Rider(then=lambda: doomed.cancel()))
        doomed, last = (batcher.join(run_of(batcher, session, number)) for number in (2, 3))
        return (await asyncio.wait_for(last, 5)).tolist(), doomed.cancelled(), session.ran

    assert asyncio.run(ask()) == ([6], True, [3])


def test_a_rider_that_raises_strands_nobody(caplog):
    async def ask():
        batcher, session = Batcher(Watch()), Doubling()

        def fail():
            raise KeyError("mine")

        batcher.add(run_of(batcher, session, 1), Rider(then=fail))
        return (await asyncio.wait_for(batcher.join(run_of(batcher, session, 2)), 5)).tolist()

    assert asyncio.run(ask()) == [4]
    assert "could not be handed on" in caplog.text


def test_lanes_take_turns_so_that_none_starves():
    batcher, session = Batcher(Watch()), Doubling()
    order = []
    for shape in (1, 2):
        for _ in range(12):
            batcher.add(
                run_of(batcher, session, *[1] * shape), Rider(then=lambda shape=shape: order.append(shape))
            )
    batcher.work()
    assert session.ran == [8, 8, 4, 4]
    assert order == [1] * 8 + [2] * 8 + [1] * 4 + [2] * 4


def test_every_position_of_poison_is_found_and_the_order_is_kept():
    session = Doubling()
    for size in (1, 2, 3, 7, 8):
        for bad in range(1 << size):
            numbers = [-(at + 1) if bad >> at & 1 else at + 1 for at in range(size)]
            outcomes = run_each(session, [(np.array([number]),) for number in numbers])
            for number, outcome in zip(numbers, outcomes, strict=True):
                if number < 0:
                    assert isinstance(outcome, Failure)
                else:
                    assert outcome.tolist() == [number * 2]
