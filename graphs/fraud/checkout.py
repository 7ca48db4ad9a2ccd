"""The shop's checkout as it stood before there was a graph: its own routes, types and documents."""

from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import FastAPI
from pydantic import BaseModel, Field


class Order(BaseModel):
    """What a customer is about to pay."""

    customer: str = Field(max_length=64, examples=["u001"])
    shop: str = Field(max_length=64, examples=["bookshop"])
    total: float = Field(gt=0, le=100_000, examples=[49.9])
    country: Literal["DE", "FR", "US"]


class Checkout(BaseModel):
    """What the customer sees."""

    paid: bool
    message: str


Decide = Callable[[Order], Awaitable[tuple[bool, list[str]]]]


def shop(decide: Decide) -> FastAPI:
    """The application, which asks `decide` whether an order may be paid, and why not."""
    app = FastAPI(title="Shop")

    @app.get("/orders/{number}")
    async def order(number: int) -> dict[str, int]:
        """An order that was placed."""
        return {"number": number}

    @app.post("/checkout")
    async def checkout(order: Order) -> Checkout:
        """Pays an order, or says why not."""
        paid, reasons = await decide(order)
        return Checkout(paid=paid, message="thank you" if paid else "; ".join(reasons))

    return app
