"""A service folder's files: a model whose runs take RUN_S seconds, for they sleep in their thread."""

GRAPH = """
from pydantic import BaseModel

import dagc


class Pick(BaseModel):
    index: int
    scale: float


@dagc.graph
def pick(pick: Pick) -> float: ...
"""
MAIN = """
import os
import time

service = Service(__file__)
picker = service.session("picker")
quick = service._sessions["picker"].run


def slow(examples):
    time.sleep(float(os.environ["RUN_S"]))
    return quick(examples)


service._sessions["picker"].run = slow


@service.endpoint(graph.pick)
async def pick(pick):
    return (await picker(pick.index, pick.scale)).item()


if __name__ == "__main__":
    service.run()
"""
