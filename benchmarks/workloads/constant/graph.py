"""The limit of the front: one step that answers the same for every body; what any service on it could reach."""

from pydantic import BaseModel

import dagc


class Anything(BaseModel):
    """Any JSON object: it is parsed, and its members are ignored."""


class Diagnosis(BaseModel):
    """An answer as long as those of W1 and W2."""

    label: int
    proba: list[float]


@dagc.step
def fixed(body: Anything) -> Diagnosis:
    """The same answer, made new each time, as a step would."""
    return Diagnosis(label=0, proba=[0.9999432563781738, 0.00005674362182617188])


@dagc.graph(version="1.0.0")
def constant(body: Anything) -> Diagnosis:
    """Answer."""
    return fixed(body)
