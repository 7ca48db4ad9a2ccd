"""Run in a built service: the images on the command line arrive in one loop turn; runs and answers as JSON."""

import asyncio
import json
import sys
from pathlib import Path

import main
from dagc_runtime import batcher, turn
from dagc_runtime.observer import NullObserver

# A turn takes in no more requests after 5 ms, which decoding one image may take.
turn.TURN_S = batcher.TURN_S = 60.0

runs: list[tuple[str, int]] = []


class Counting(NullObserver):
    """Keeps every run's session and size."""

    def batch(self, session: str, size: int, seconds: float) -> None:
        """A run has ended."""
        runs.append((session, size))


async def answers(images: list[bytes]) -> list[object]:
    loop = asyncio.get_running_loop()
    endpoint = main.service.endpoints["/v1/ocr"].of_bytes
    arrived = [loop.create_future() for _ in images]
    for image, answer in zip(images, arrived, strict=True):
        endpoint.accept(image, loop.time() + 60, answer.set_result)
    return [json.loads(answer.body) for answer in await asyncio.gather(*arrived)]


main.service.warm_up()
for session in main.service._sessions.values():
    # How many examples of a heavy session share a run is learned from what runs cost: the machine's matter.
    session.is_heavy = False
main.service.observer = Counting()
print(json.dumps({"answers": asyncio.run(answers([Path(p).read_bytes() for p in sys.argv[1:]])), "runs": runs}))
