"""Must fail with E0216: no request can hold a function, so clients could not be told what to send."""

from collections.abc import Callable

from pydantic import BaseModel

import dagc


class Payment(BaseModel):
    amount: float
    rounded: Callable[[float], int]


@dagc.step
def decide(payment: Payment) -> bool:
    return payment.rounded(payment.amount) < 1000


@dagc.graph
def fraud(payment: Payment) -> bool:
    return decide(payment)
