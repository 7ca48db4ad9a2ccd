"""One computation is one model, whatever the graph around it calls its values and in whatever order it asks."""

from dagc.ir.graph import ValueId
from dagc.ir.ops import ModelKey, RunModel
from dagc.passes.fuse_models import FuseModels
from dagc.passes.lower_expressions import LowerExpressions
from dagc.passes.pass_ import Context
from tests.sample_graphs import ROW, Sketch, joiner, scaler, score

HEADS = {"trees": score(1), "net": score(2)}


def fused(sketch: Sketch, *outputs: ValueId) -> RunModel:
    after = FuseModels().run(sketch.graph(*outputs), Context(sketch.store))
    (op,) = [node.op for node in after.nodes if isinstance(node.op, RunModel)]
    return op


def two_heads(first: str, second: str, row: str, *, returned: tuple[str, ...]) -> RunModel:
    """A scaler and two heads, called in some order; the values have other names in each order."""
    s = Sketch(f"{first}_first")
    (scaled,) = s.model("scaler", scaler(), {"x": s.input(row, ROW)}, f"y:{row}_scaled")
    made = {name: s.model(name, HEADS[name], {"x": scaled}, f"score:{row}_{name}")[0] for name in (first, second)}
    return fused(s, *(made[name] for name in returned))


def test_names_of_values_and_the_order_of_calls_change_no_byte() -> None:
    one = two_heads("trees", "net", "row", returned=("trees", "net"))
    other = two_heads("net", "trees", "payment", returned=("net", "trees"))
    assert one.model == other.model
    assert (one.feeds, one.fetches) == (other.feeds, other.fetches) == (("x",), ("net_score", "trees_score"))
    assert one.parts == ("scaler", "trees", "net")


def test_what_is_read_of_a_computation_is_part_of_it() -> None:
    both = two_heads("trees", "net", "row", returned=("trees", "net"))
    assert two_heads("trees", "net", "row", returned=("trees",)).model != both.model


def test_models_that_differ_in_what_they_are_fed_stay_apart_in_the_same_order() -> None:
    def crossed(first: str, second: str) -> ModelKey:
        """Two calls of one model under one name, told apart by what they are fed only."""
        s = Sketch("crossed")
        (scaled,) = s.model("scaler", scaler(), {"x": s.input("row", ROW)}, "y:scaled")
        made = {}
        for name, seed in ((first, int(first[-1])), (second, int(second[-1]))):
            (deeper,) = s.model("deeper", scaler(seed), {"x": scaled}, f"y:{name}_deeper")
            (made[name],) = s.model("score", score(), {"x": deeper}, f"score:{name}")
        return fused(s, made["of_1"], made["of_2"]).model

    assert crossed("of_1", "of_2") == crossed("of_2", "of_1")


def test_a_wire_is_called_as_the_port_of_the_users_model_and_by_the_part_only_where_two_are_called_the_same() -> (
    None
):
    s = Sketch("ports")
    left, right = s.input("left", ROW), s.input("right", ROW)
    (one,) = s.model("one", scaler(1), {"x": left}, "y:v")
    (two,) = s.model("two", scaler(2), {"x": right}, "y:w")
    (both,) = s.model("joiner", joiner(), {"a": one, "b": two}, "c:both")
    op = fused(s, both, one)
    assert (op.feeds, op.fetches) == (("one_x", "two_x"), ("y", "c"))


def test_arithmetic_gives_its_own_word_to_what_it_makes() -> None:
    s = Sketch("word")
    first, second = (
        s.model(name, HEADS[name], {"x": s.input(name, ROW)}, f"score:{name}_score")[0] for name in HEADS
    )
    total, best = s.op("add", first, second, out="total"), s.op("max", first, second, out="best")
    lowered = LowerExpressions().run(s.graph(total, best), Context(s.store))
    after = FuseModels().run(lowered, Context(s.store))
    (op,) = [node.op for node in after.nodes if isinstance(node.op, RunModel)]
    assert (op.feeds, op.fetches) == (("net_x", "trees_x"), ("add", "max"))
