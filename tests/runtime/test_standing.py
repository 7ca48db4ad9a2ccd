"""Branches beside each other whose request is given up."""

import asyncio
import gc
from contextlib import suppress

import pytest

from dagc.runtime.standing import in_time, quorum


async def _timed(branch):
    await in_time(branch(), 5.0)


async def _voted(branch):
    await quorum([branch, branch], node="vote", need=1, within_s=5.0)


@pytest.mark.parametrize("waited", [_timed, _voted])
def test_a_branch_that_fails_in_the_turn_in_which_its_request_is_cancelled_is_heard(waited):
    unheard = []

    async def run():
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context["message"]))
        gate = asyncio.Event()

        async def branch():
            await gate.wait()
            raise ValueError

        request = asyncio.create_task(waited(branch))
        await asyncio.sleep(0.01)
        gate.set()
        await asyncio.sleep(0)
        request.cancel()
        with suppress(asyncio.CancelledError):
            await request
        await asyncio.sleep(0)
        gc.collect()

    asyncio.run(run())
    assert unheard == []
