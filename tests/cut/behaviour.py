"""A graph whose steps run on two services and do what the tests ask of them."""

import asyncio
import os
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import f32

compute = dagc.service("compute", cpu=1, replicas=(1, 3), batch=dagc.batch(16))
rules = dagc.service("rules")

Row = Annotated[NDArray[np.float32], f32("n")]


class Order(BaseModel):
    amount: float
    hidden: str = Field(default="kept", exclude=True)


class Span(NamedTuple):
    low: float
    high: float


@dagc.step
def order(amount: float) -> Order:
    return Order(amount=amount)


@dagc.step(on=compute)
def hidden(order: Order) -> str:
    return f"{order.hidden} {sorted(order.model_fields_set)}"


@dagc.step(on=compute)
def spread(amount: float) -> Row:
    return np.array([amount, np.nan, np.inf], np.float32)


@dagc.step(on=rules)
def counted(row: Row) -> str:
    row[0] += 1
    return " ".join(map(str, row.tolist()))


@dagc.step(on=compute)
def refused(amount: float) -> float:
    if amount < 0:
        raise dagc.Refuse("amounts are positive", field="amount", status=409)
    return amount


@dagc.step(on=compute)
def failing(amount: float) -> float:
    raise RuntimeError("a secret of the other service")


@dagc.step(on=compute)
async def slow(amount: float) -> float:
    await asyncio.sleep(amount if "SLOW" in os.environ else 0)  # a build proves it on amounts of its own
    return amount


@dagc.step(on=compute)
def half(amount: float) -> float:
    if amount < 0:
        raise RuntimeError("no half")
    return amount / 2


@dagc.step
def zero() -> float:
    return 0.0


@dagc.step
def parts_of(amount: float) -> list[float]:
    return [amount] * int(amount)


@dagc.step(on=compute)
def there() -> float:
    return -1.0


@dagc.graph
def records(amount: float) -> str:
    return hidden(order(amount))


@dagc.graph
def arrays(amount: float) -> str:
    return counted(spread(amount))


@dagc.graph
def refusing(amount: float) -> float:
    return refused(amount)


@dagc.graph
def breaking(amount: float) -> float:
    return failing(amount)


@dagc.graph(deadline_s=5)
def waiting(amount: float) -> float:
    return slow(amount)


@dagc.graph
def guarded(amount: float) -> float:
    return dagc.fallback(lambda: half(amount), lambda: zero())


@dagc.graph
def flagged(amount: float) -> float:
    return dagc.fallback(lambda: half(amount), lambda: there())


@dagc.step(on=rules)
def rounded(amount: float) -> float:
    return round(amount, 1)


@dagc.graph
def mixed(amounts: list[float]) -> list[float]:
    return dagc.each(amounts, lambda amount: rounded(half(amount)), max_items=2000)


@dagc.graph
def nested(amounts: list[float]) -> list[list[float]]:
    def shares(amount: float) -> list[float]:
        return dagc.each(parts_of(amount), lambda part: rounded(half(part)), max_items=10)

    return dagc.each(amounts, shares, max_items=10)


@dagc.graph
def halves(amounts: list[float]) -> list[float]:
    return dagc.each(amounts, lambda amount: half(amount), max_items=100)
