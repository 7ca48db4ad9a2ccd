"""An estimator converted in this process, without the child: what the child does after `load` has returned."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dagc.models.importers.contracts import answers, reference
from dagc.models.importers.estimators import convert_estimator
from dagc.models.importers.made import Made
from dagc.models.importers.order import Column, Order
from dagc.models.importers.verdict import Difference, differences
from dagc.models.runner import Runner

Array = NDArray[np.generic]


def order(columns: tuple[Column, ...] | None = None, framework: str = "sklearn") -> Order:
    return Order(framework, "zoo", "load", ("/",), "/", "/zoo.py", columns)


def convert(estimator: object, columns: tuple[Column, ...] | None = None) -> Made:
    return convert_estimator(estimator, order(columns), None)


def told_apart(made: Made) -> tuple[Difference, ...]:
    """How the model differs from the original on the seeded rows."""
    return differences(made.answers, run(made, made.rows))


def told_apart_on(
    made: Made, estimator: object, table: object, rows: Mapping[str, Array]
) -> tuple[Difference, ...]:
    """How the model differs on other rows; `table` is what the original is given for them."""
    wanted = {answer.name: reference(estimator, answer, table) for answer in answers(estimator)}
    return differences(wanted, run(made, rows))


def run(made: Made, rows: Mapping[str, Array]) -> dict[str, Array]:
    names = list(made.answers)
    return dict(zip(names, Runner(made.model).run(rows, names), strict=True))
