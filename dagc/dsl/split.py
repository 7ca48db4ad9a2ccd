"""`split`: traffic in shares, sticky by a key."""

from collections.abc import Callable, Sequence
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from dagc.dsl.branch_constants import Weak
from dagc.dsl.branches import Branch, are_sound, branch_result, record_choice, recorded_arms, tell
from dagc.dsl.complete import callers_folder, complete, unknown
from dagc.dsl.eager import refuse_inside_step
from dagc.dsl.handle import Handle, value_of
from dagc.dsl.selectors import Wanted, selector
from dagc.evaluate.choosing import chosen_share, plain, sum_to_one
from dagc.ir.graph import Split
from dagc.trace.recorder import Recorder, recording

R = TypeVar("R")
T = TypeVar("T", bound=np.generic)
Plain = TypeVar("Plain", bound="str | float | bytes | NDArray[np.generic] | BaseModel | Sequence[object]")

_EXAMPLE = "dagc.split((0.9, lambda: champion(row)), (0.1, lambda: canary(row)), key=payment.user_id)"
_KEY = Wanted(
    "`dagc.split` is sticky by a text or a whole number",
    ("str", "int"),
    "give it what stays the same for one user or session: `key=payment.user_id`",
)


@overload
def split(
    first: tuple[float, Callable[[], NDArray[T]]],
    /,
    *arms: tuple[float, Weak | Callable[[], NDArray[T]]],
    key: str | int,
    seed: str = ...,
) -> NDArray[T]: ...
@overload
def split(*arms: tuple[float, Callable[[], R]], key: str | int, seed: str = ...) -> R: ...
@overload
def split(*arms: tuple[float, Plain], key: str | int, seed: str = ...) -> Plain: ...
@complete(_EXAMPLE, code="E0191")
def split(*arms: tuple[float, object], key: str | int, seed: str = "") -> object:
    """What the branch gives in whose share the key falls: the same branch for the same key, always and everywhere.

    The first 8 bytes of SHA-256 of `<seed>/<key>` in UTF-8, read as a big-endian fraction of 2**64, are looked up
    among the sums of the shares. Growing the last share takes keys from the one before it and moves no other.

    Shares hold for many keys: of `n`, an arm of share `p` gets `p` of them give or take
    `2 * sqrt(p * (1 - p) / n)` in 95 of 100 sets of keys, be they numbers in a row, addresses or random ids. For
    10,000 keys that is 1 % of all at a half, 0.6 % at a tenth; for 40,000 half of it. No function does better on
    keys that are themselves drawn at random.

    Args:
        arms: pairs of a share and a branch, a function without parameters or a plain value; shares sum to 1.
        key: what stays the same for one user or session.
        seed: tells experiments apart: splits of one seed put a key at the same place, those of two independently.
    """
    refuse_inside_step("function", "dagc.split", callers_folder())
    if not _are_shares(arms) or not _is_seed(seed):
        return unknown("split")
    branches: list[Branch] = [(f"share {number}", branch) for number, (_, branch) in enumerate(arms, start=1)]
    if not are_sound("dagc.split", branches, _EXAMPLE):
        return unknown("split")
    shares = [float(share) for share, _ in arms]
    recorder = recording()
    if recorder is not None:
        return _recorded(recorder, key, shares, branches, seed)
    if isinstance(key, Handle):
        value_of(key)  # refuses: no graph is being recorded
    if isinstance(plain(key), bool) or not isinstance(plain(key), str | int):
        tell(_KEY.code, f"{_KEY.rule}, and this is a `{type(key).__name__}`", _KEY.help)
    return branch_result(branches[chosen_share(key, shares, seed)][1])


def _recorded(
    recorder: Recorder, key: object, shares: Sequence[float], branches: Sequence[Branch], seed: str
) -> object:
    chosen_by = selector(recorder, key, _KEY)
    if chosen_by is None:
        return unknown("split")
    arms = recorded_arms(recorder, "dagc.split", branches, "split")
    return record_choice(recorder, Split(tuple(shares), arms.graphs, seed), (chosen_by,), arms, "split")


def _are_shares(arms: Sequence[object]) -> bool:
    wrong = [arm for arm in arms if not isinstance(arm, tuple) or len(arm) != 2 or not _is_share(arm[0])]
    if wrong or not arms:
        message = "takes pairs of a share, from 0 to 1, and a branch" if arms else "is called without an arm"
        tell("E0191", f"`dagc.split` {message}", f"write `{_EXAMPLE}`")
        return False
    shares = [arm[0] for arm in arms if isinstance(arm, tuple)]
    if not sum_to_one(shares):
        added = " + ".join(f"{share:g}" for share in shares)
        message = f"the shares of `dagc.split` sum to {sum(shares):g}, not to 1: {added}"
        tell("E0311", message, "write shares of the whole traffic: `(0.9, ...)` and `(0.1, ...)`")
    return sum_to_one(shares)


def _is_share(share: object) -> bool:
    return isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1


def _is_seed(seed: object) -> bool:
    if not isinstance(seed, str):
        tell("E0191", f"`seed` of `dagc.split` is a text, not a `{type(seed).__name__}`", 'write `seed="spring"`')
    return isinstance(seed, str)
