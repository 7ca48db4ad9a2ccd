"""`shadow`: the challenger's work begins when the champion's answer has left, and its bounds are its own.

Its faults, its slowness and its refusals reach nobody: they are counted, and a sample of them is logged, without
what the request held.
"""

import asyncio
import contextvars
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from .glue import fatal
from .scope import SCOPE, Branch, Flagged, Scope, scoped

_LOG = logging.getLogger("dagc.runtime")

MOST_UNDER_WAY = 64
"""Challengers that have begun and not ended; more are dropped."""
PAUSE_S = 0.001
"""From the answer to the challenger: the answer is on its way by then, and what has arrived with it goes first."""
LONGEST_S = 10.0
"""After which a challenger has failed."""
LOGGED_EVERY = 100
RELATIVE = 1e-5
"""Two float32 models of the same arithmetic in another order stay below it."""
ABSOLUTE = 1e-6
"""For numbers near 0."""

Compare = Callable[[object, object], object]

_under_way: set["asyncio.Task[None]"] = set()
_seen: Counter[tuple[str, str]] = Counter()


async def shadow(champion: Branch, challenger: Branch, *, node: str, compare: Compare | None = None) -> object:
    """What `champion` returns; `challenger` runs after the request has been answered, and is compared with it."""
    answer = await champion()
    scope = SCOPE.get()
    scope.afterwards.append(partial(_begin, scope, challenger, answer, node, compare or _agree))
    return answer


def _begin(scope: Scope, challenger: Branch, answer: object, node: str, compare: Compare) -> None:
    if len(_under_way) >= MOST_UNDER_WAY:
        _tell(scope, node, "dropped")
        return
    trial = _trial(scope, challenger, answer, node, compare)
    task = asyncio.get_running_loop().create_task(trial, context=contextvars.Context())
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)


async def _trial(scope: Scope, challenger: Branch, answer: object, node: str, compare: Compare) -> None:
    """One challenger, in a scope of its own: what stands in for what there is nothing to the request."""
    await asyncio.sleep(PAUSE_S)
    try:
        async with asyncio.timeout(LONGEST_S):
            found = await scoped(challenger, (), Scope(scope.watch, scope.request_id))
        same = compare(answer, found.value if isinstance(found, Flagged) else found)
        _tell(scope, node, "same" if same else "different")
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        if fatal(error):
            raise
        _tell(scope, node, "failed", type(error).__name__)


def _tell(scope: Scope, node: str, outcome: str, reason: str = "") -> None:
    """Count it, and log the first of its kind and every hundredth after it."""
    scope.watch.observer.event("dagc_shadow_total", node, outcome)
    if outcome == "same":
        return
    _seen[node, outcome] += 1
    if _seen[node, outcome] % LOGGED_EVERY == 1:
        many = _seen[node, outcome]
        words = {"different": "answered differently", "failed": f"failed ({reason})", "dropped": "was dropped"}
        text = "the challenger at `%s` %s, request `%s`; %d times so far"
        _LOG.warning(text, node, words[outcome], scope.request_id(), many)


def _agree(one: object, other: object) -> bool:
    """Whether the answers agree; NaN agrees with NaN."""
    if isinstance(one, BaseModel) and isinstance(other, BaseModel):
        return type(one) is type(other) and _agree(dict(one), dict(other))
    if isinstance(one, np.ndarray | np.generic | float) or isinstance(other, np.ndarray | np.generic | float):
        return _close(np.asarray(one), np.asarray(other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_agree(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_agree, one, other))
    return bool(one == other)


def _close(one: NDArray[np.generic], other: NDArray[np.generic]) -> bool:
    if one.shape != other.shape:
        return False
    kinds = one.dtype.kind + other.dtype.kind
    if "f" in kinds and not kinds.strip("fiu"):
        return bool(np.allclose(one, other, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True))
    return bool((one == other).all())
