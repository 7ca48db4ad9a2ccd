"""Steps of lists in company: whether an item gets the same from them with others beside it as alone."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType

import numpy as np
from pydantic import BaseModel, JsonValue

from dagc.evaluate.batched import results_of
from dagc.evaluate.batching import Runs
from dagc.evaluate.comparison import differences
from dagc.evaluate.evaluate import Steps
from dagc.evaluate.tolerance import TOLERANCES
from dagc.evaluate.verdict import Failure
from dagc.ir.graph import Graph
from dagc.ir.ops import CallStep
from dagc.ir.regions import every_node

_FEWEST = 2


def compare_lists(graph: Graph, runs: Runs, steps: Steps) -> Iterator[Failure]:
    """E0804 for each call of a step of lists whose result is another when other requests share the call.

    All the items that one node was given while the cases ran are given to the step once more, together.
    """
    for node in every_node(graph):
        noted = runs.of_lists.get(node.name, [])
        if not isinstance(node.op, CallStep) or len(noted) < _FEWEST:
            continue
        columns = [list(column) for column in zip(*(run.inputs for run in noted), strict=True)]
        try:
            together = steps[node.op.module, node.op.qualname](
                **dict(zip(node.op.parameters, columns, strict=True))
            )
            found = results_of(len(noted), together)
        except Exception as error:
            message = f"step `{node.op.qualname}` of {len(noted)} items together raised {type(error).__name__}"
            yield Failure(code="E0804", case=noted[0].case, path="$", message=f"{message}: {error}")
            continue
        for run, result in zip(noted, found, strict=True):
            outputs = list(run.outputs)
            alone = outputs[0] if len(outputs) == 1 else outputs
            for difference in differences(_plain(result), _plain(alone), TOLERANCES["f32"]):
                if difference.failure is not None:
                    message = f"together with others, step `{node.op.qualname}` {difference.failure}"
                    yield Failure(code="E0804", case=run.case, path=difference.path, message=message)


def _plain(value: object) -> JsonValue:
    """What can be compared of a value; of objects nothing is known about, their class."""
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, BaseModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return _plain(value.value)
    return value if isinstance(value, str | int | float | NoneType) else type(value).__name__
