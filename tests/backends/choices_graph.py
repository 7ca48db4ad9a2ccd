"""A user's file with every choice in every other: who is asked is seen in the metrics of the models' sessions."""

GRAPH = '''"""Choose between models, in every way and at every depth."""

import asyncio
import os
from enum import Enum
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

import dagc
from dagc import f32

Row = Annotated[NDArray[np.float32], f32(30)]
Score = Annotated[NDArray[np.float32], f32()]

scaler = dagc.onnx("models/scaler.onnx")
score = dagc.onnx("models/score.onnx")


class Speed(Enum):
    FAST = "fast"
    SLOW = "slow"


class Case(BaseModel):
    country: Literal["DE", "FR", "US"]
    speed: Speed
    user: str = Field(max_length=20)
    ink: float = Field(ge=-1000, le=1000)
    level: int = Field(ge=1, le=3)
    known: bool
    inks: list[float] = Field(max_length=4)


@dagc.step
def row_of(ink: float) -> Row:
    return np.full(30, ink, np.float32)


@dagc.step
def largest(values: list[Score]) -> Score:
    return np.max(values, initial=np.float32(-5000)).astype(np.float32)[()]


@dagc.step
async def looked_up(user: str, ink: float) -> float:
    await asyncio.sleep(float(os.environ.get("NAP_S", "0")))
    return ink + len(user)


@dagc.step
async def also(user: str) -> float:
    await asyncio.sleep(float(os.environ.get("NAP_S", "0")))
    return float(len(user))


@dagc.graph(deadline_s=20)
def by_value(case: Case) -> tuple[Score, float, float]:
    """The arm of a text, of an enum, of a number in bounds and of a truth value."""
    row = row_of(case.ink)
    value = dagc.switch(
        case.country,
        {
            "DE": lambda: score(scaler(row)),
            ("FR", "US"): lambda: score(row) * 2,
        },
    )
    limit = dagc.switch(case.speed, {Speed.FAST: 0.25, Speed.SLOW: 0.75})
    weight = dagc.switch(case.level, {1: 1.0, (2, 3): 10.0})
    return value, limit, dagc.switch(case.known, {False: lambda: weight, True: lambda: limit})


@dagc.graph(deadline_s=20)
def by_rule(case: Case) -> Score:
    row = row_of(case.ink)
    return dagc.route(
        ((case.ink > 100) & (case.country == "DE"), lambda: score(scaler(scaler(row)))),
        (case.ink > 100, lambda: score(scaler(row))),
        otherwise=lambda: score(row),
    )


@dagc.graph(deadline_s=20)
def by_share(case: Case) -> Score:
    row = row_of(case.ink)
    return dagc.split((0.75, lambda: score(row)), (0.25, lambda: score(scaler(row))), key=case.user, seed="trial")


@dagc.graph(deadline_s=20)
def by_doubt(case: Case) -> Score:
    """The big model for what the small one is unsure of."""
    row = row_of(case.ink)
    return dagc.cascade(lambda: score(row), lambda: score(scaler(row)), accept=lambda value: value > 10)


@dagc.graph(deadline_s=20)
def of_items(case: Case) -> list[Score]:
    """Of the items of all requests only the unsure go on."""
    return dagc.each(
        case.inks,
        lambda ink: dagc.cascade(
            lambda: score(row_of(ink)), lambda: score(scaler(row_of(ink))), accept=lambda value: value > 10
        ),
        max_items=4,
    )


@dagc.graph(deadline_s=20)
def of_steps(case: Case) -> tuple[float, float]:
    """A step that waits in one arm only, beside another that waits."""
    found = dagc.switch(
        case.country, {"DE": lambda: looked_up(case.user, case.ink)}, default=lambda: case.ink
    )
    return found, also(case.user)


@dagc.graph(deadline_s=20)
def picked(case: Case) -> Score:
    """Arithmetic in every arm: one session."""
    value = score(row_of(case.ink))
    return dagc.route((value > 10, lambda: value * 2), (value < -10, lambda: -value), otherwise=lambda: value + 1)


@dagc.graph(deadline_s=20)
def pairs(case: Case) -> tuple[Score, Row]:
    """Branches that return two values, computed or only passed on."""
    row = row_of(case.ink)

    def careful() -> tuple[Score, Row]:
        scaled = scaler(row)
        return score(scaled), scaled

    value, used = dagc.switch(case.known, {True: careful, False: lambda: (score(row), row)})
    return value, used
'''

_WRAPPED = {
    "each": "largest(dagc.each(case.inks, lambda ink{at}: {inner}, max_items=4))",
    "switch": 'dagc.switch(case.country, {{"DE": lambda: {inner}}}, default=lambda: score(row))',
    "route": "dagc.route((case.ink > 50, lambda: {inner}), otherwise=lambda: score(row))",
    "split": "dagc.split((0.5, lambda: {inner}), (0.5, lambda: score(row)), key=case.user)",
    "cascade": "dagc.cascade(lambda: score(row), lambda: {inner}, accept=lambda value{at}: value{at} > 60)",
    "cascade_first": "dagc.cascade(lambda: {inner}, lambda: score(row), accept=lambda value{at}: value{at} > 60)",
}
_BESIDE = {
    "fallback": "dagc.fallback(lambda: {inner}, lambda: score(row))",
    "shadow": "dagc.shadow(lambda: {inner}, lambda: score(row))",
    "quorum": "dagc.quorum([lambda: {inner}, lambda: score(row)], need=2, within_s=9, "
    "combine=lambda found: dagc.mean(*found))",
}


def nested() -> str:
    """One graph for each pair, one in a branch of the other; pairs of what stands beside others are left out."""
    found: list[str] = []
    every = _WRAPPED | _BESIDE
    for outer, around in every.items():
        for inner, within in every.items():
            if outer in _BESIDE and inner in _BESIDE and outer != inner:
                continue
            innermost = "score(scaler(row_of(ink2))) + score(row)" if inner == "each" else "score(scaler(row))"
            body = around.format(at=1, inner=within.format(at=2, inner=innermost))
            found.append(
                f"@dagc.graph(deadline_s=20)\ndef {outer}_of_{inner}(case: Case) -> Score:\n"
                f"    row = row_of(case.ink)\n    return {body}\n"
            )
    return "\n\n" + "\n\n".join(found)
