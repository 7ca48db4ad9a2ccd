"""Which arm is taken: by value, by rule, and by share as exactly as was promised, here and in the service."""

from collections import Counter
from enum import Enum

import numpy as np
import pytest

from dagc.evaluate.choosing import NoCase, chosen_case, chosen_rule, chosen_share, sum_to_one
from dagc.evaluate.evaluate import evaluate
from dagc.ir.graph import Node
from dagc.ir.ops import RunModel
from dagc.runtime.share import share_of
from tests.branching_graphs import by_country, by_rule, scored, switched
from tests.sample_graphs import ROW, TEXT, Sketch

KEYS = [f"user-{n}" for n in range(10_000)]


class Color(Enum):
    RED = "red"


def off(shares: tuple[float, ...], seed: str, keys: str) -> list[float]:
    """How far the part of 10,000 keys that falls in each share is from it."""
    counts = Counter(chosen_share(keys.format(number), shares, seed) for number in range(10_000))
    return [abs(counts[number] / 10_000 - share) for number, share in enumerate(shares)]


@pytest.mark.parametrize("keys", ["user-{}", "{}", "customer{:06d}"])
@pytest.mark.parametrize("seed", ["", "spring", "ünï"])
def test_shares_are_exact_to_a_hundredth_over_ten_thousand_keys(keys: str, seed: str) -> None:
    for shares in ((0.9, 0.1), (0.99, 0.01), (0.5, 0.5), (0.0, 1.0)):
        assert max(off(shares, seed, keys)) <= 0.01
    # three standard errors of 10,000 independent draws
    for more in ((0.5, 0.3, 0.2), (1 / 3, 1 / 3, 1 / 3)):
        assert all(
            far <= 3.1 * (share * (1 - share) / 10_000) ** 0.5
            for far, share in zip(off(more, seed, keys), more, strict=True)
        )


@pytest.mark.parametrize("seed", ["", "spring"])
def test_the_service_puts_every_key_where_the_plain_call_does(seed: str) -> None:
    keys: list[str | int] = [*KEYS, *range(1000), "", "日本", "a/b", "-1"]
    for shares in ((0.9, 0.1), (0.2, 0.3, 0.5), (0.5, 0.0, 0.5)):
        assert [share_of(key, shares, seed) for key in keys] == [chosen_share(key, shares, seed) for key in keys]


def test_where_a_key_falls_is_what_the_documentation_says() -> None:
    # printf spring/user-7 | sha256sum | cut -c1-16
    at = int("e73c9e0f70d8f2f4", 16) / 2**64
    assert chosen_share("user-7", (at - 1e-9, 1 - at + 1e-9), "spring") == 1
    assert chosen_share("user-7", (at + 1e-9, 1 - at - 1e-9), "spring") == 0


def test_a_seed_moves_keys_independently_and_a_growing_share_moves_only_its_own() -> None:
    first = [chosen_share(key, (0.5, 0.5), "a") for key in KEYS]
    second = [chosen_share(key, (0.5, 0.5), "b") for key in KEYS]
    both = sum(a == b for a, b in zip(first, second, strict=True))
    assert abs(both / len(KEYS) - 0.5) < 0.02
    small = {key for key in KEYS if chosen_share(key, (0.9, 0.1), "") == 1}
    large = {key for key in KEYS if chosen_share(key, (0.8, 0.2), "") == 1}
    assert small < large


def test_shares_that_miss_one_by_a_rounding_leave_no_key_out() -> None:
    shares = (0.1,) * 10
    assert sum_to_one(shares) and not sum_to_one((0.9, 0.2))
    assert {chosen_share(key, shares, "") for key in KEYS} == set(range(10))


def test_a_case_is_found_by_value_and_true_is_not_one() -> None:
    assert chosen_case(True, [(1,), (True,)]) == 1
    assert chosen_case(1, [(True,), (1,)]) == 1
    assert chosen_case(Color.RED, [("blue",), ("green", "red")]) == 1
    assert chosen_case(np.array("red", object), [("red",)]) == 0
    assert chosen_case(np.int64(3), [(1, 2), (3,)]) == 1
    assert chosen_case("purple", [("red",)]) is None
    assert chosen_rule([False, np.bool_(True), True]) == 1
    assert chosen_rule([np.zeros((), bool)]) == 1


def models_run(sample, arguments: dict[str, object]) -> list[str]:
    met: list[str] = []

    def watch(node: Node, inputs: tuple[object, ...], outputs: tuple[object, ...]) -> None:
        if isinstance(node.op, RunModel):
            met.append(node.op.parts[0])

    evaluate(sample.graph, arguments, store=sample.store, steps=sample.steps, watch=watch)
    return met


@pytest.mark.parametrize(
    ("country", "wanted"), [("DE", ["scaler", "germany"]), ("FR", ["france"]), ("US", ["other"])]
)
def test_only_the_models_of_the_arm_run(country: str, wanted: list[str]) -> None:
    assert models_run(by_country(), {"country": country, "row": np.ones(4, np.float32)}) == wanted


def test_the_first_condition_wins_and_a_captured_value_costs_nothing() -> None:
    row = np.full(4, 3, np.float32)
    assert models_run(by_rule(), {"amount": 2.0, "row": row}) == ["first", "careful"]
    assert models_run(by_rule(), {"amount": 0.0, "row": row}) in (["first"], ["first", "second"])


def test_a_value_without_a_case_is_an_error_and_never_the_answer() -> None:
    s = Sketch("strict")
    country, row = s.input("country", TEXT), s.input("row", ROW)
    found = switched(s, country, {("DE",): scored("germany", 1, row)}, [row], "found")
    with pytest.raises(NoCase):
        evaluate(s.graph(found), {"country": "FR", "row": np.ones(4, np.float32)}, store=s.store, steps=s.steps)
