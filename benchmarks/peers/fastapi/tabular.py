"""S1 in FastAPI by hand: typed request and response, one model, run on the loop."""

from typing import Literal

from diamonds import Bands
from fastapi import FastAPI
from pydantic import BaseModel, Field

app = FastAPI()
bands = Bands()


class Diamond(BaseModel):
    carat: float = Field(gt=0, le=10)
    depth: float = Field(gt=0, lt=100)
    table: float = Field(gt=0, lt=100)
    x: float = Field(ge=0, lt=100)
    y: float = Field(ge=0, lt=100)
    z: float = Field(ge=0, lt=100)
    cut: Literal["Fair", "Good", "Very Good", "Premium", "Ideal"]
    color: Literal["D", "E", "F", "G", "H", "I", "J"]
    clarity: Literal["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]


class Quote(BaseModel):
    band: Literal["budget", "middle", "premium"]
    probabilities: dict[str, float]


@app.post("/predict")
async def predict(diamond: Diamond) -> Quote:
    return Quote.model_validate(bands([diamond.__dict__])[0])
