"""What the shop and the graph have in common."""

from pydantic import BaseModel, Field


class Order(BaseModel):
    """So much of one thing."""

    sku: str = Field(max_length=20)
    amount: float = Field(gt=0)


class Price(BaseModel):
    """What it costs."""

    sku: str
    score: float
