"""What an order costs, for the shop that stands in front."""

import asyncio
from typing import Annotated

import numpy as np
from front import make_app
from numpy.typing import NDArray
from orders import Order, Price

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(30)]

score = dagc.onnx("models/score.onnx")


@dagc.step
def encode(order: Order) -> Row:
    return np.full(30, order.amount, np.float32)


@dagc.step
def decide(order: Order, score: float) -> Price:
    if order.amount > 1000:
        raise dagc.Refuse("too much of it", field="amount", status=409)
    if order.sku == "broken":
        raise ValueError("a fault")
    return Price(sku=order.sku, score=round(score, 3))


@dagc.step
async def slow(word: str) -> float:
    seconds = {"late": 5.0, "while": 0.1}.get(word, 0.0)
    await asyncio.sleep(seconds)
    return seconds


@dagc.graph(version="1.2.0", deadline_s=2.0)
def price(order: Order) -> Price:
    """What an order costs."""
    return decide(order, score(encode(order)))


@dagc.graph(deadline_s=0.5)
def patient(word: str) -> float:
    return slow(word)


app = dagc.ingress(make_app(dagc.aio(price), dagc.aio(patient)), max_body_mib=1)
