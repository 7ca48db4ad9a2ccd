"""Choices through the passes: what nobody reads of them goes, and arms fuse among themselves."""

from dagc.ir.graph import Switch, ValueId
from dagc.ir.ops import RunModel
from dagc.ir.printer import print_graph
from dagc.ir.regions import every_node
from dagc.passes.pipeline import run
from tests.branching_graphs import COUNTRY, Arm, routed, scored, switched
from tests.passes.test_laws import assert_same_numbers
from tests.sample_graphs import BOOL, FLOAT, ROW, Sample, Sketch, classifier


def two_outputs() -> Sample:
    s = Sketch("two_outputs")
    country, row = s.input("country", COUNTRY), s.input("row", ROW)

    def named(name: str, seed: int) -> Arm:
        fetches = (f"label:{name}_label", f"probabilities:{name}_chances")
        return lambda b: b.model(name, classifier(seed), {"x": row}, *fetches)

    label = switched(s, country, {("DE",): named("germany", 1)}, [row], "found", named("other", 2))
    return s.sample(label)


def test_an_output_nobody_reads_goes_from_the_choice_its_arms_and_their_models() -> None:
    sample = two_outputs()
    optimised = run(sample.graph, sample.store)
    (choice,) = optimised.graph.nodes
    assert len(choice.outputs) == 1 and isinstance(choice.op, Switch)
    fetched = [node.op.fetches for node in every_node(optimised.graph) if isinstance(node.op, RunModel)]
    assert fetched == [("label",), ("label",)]
    assert any("left `probabilities` out of germany" in remark.message for remark in optimised.remarks)
    assert_same_numbers(sample, sample.graph, optimised.graph)


def test_a_reason_is_given_for_every_choice_that_stays_one() -> None:
    s = Sketch("reasons")
    country, row, amount = s.input("country", COUNTRY), s.input("row", ROW), s.input("amount", FLOAT)
    large = s.op("gt", amount, s.constant("limit", FLOAT, 0.0), out="large")
    value = routed(s, {large: scored("big", 1, row)}, scored("quick", 2, row), [row], "value")
    strict: dict[tuple[int | str | bool, ...], Arm] = {
        ("DE",): lambda b: value,
        ("FR", "US"): lambda b: b.op("neg", value, out="turned"),
    }
    picked = switched(s, country, strict, [value], "picked")
    price = routed(s, {large: lambda b: amount}, lambda b: b.constant("one", FLOAT, 1.0), [amount], "price")
    sample = s.sample(picked, price)
    told = [remark.message for remark in run(sample.graph, sample.store).remarks if not remark.applied]
    assert told == [
        "kept `dagc.route` that gives `value` a choice: model `big` of `if large` runs only where it is taken",
        "kept `dagc.switch` that gives `picked` a choice: it has to refuse a value without a case",
        "kept `dagc.route` that gives `price` a choice: `price` is `float`, and Python picks it for nothing",
    ]


def test_a_condition_of_request_values_stays_python_and_one_of_a_model_joins_it() -> None:
    s = Sketch("conditions")
    row, amount = s.input("row", ROW), s.input("amount", FLOAT)
    (first,) = s.model("first", classifier(), {"x": row}, "label:first_label")
    large = s.op("gt", amount, s.constant("limit", FLOAT, 0.5), out="large")
    odd = s.item(s.op("eq", first, s.constant("two", FLOAT, 2.0), out="is_two"), "odd", BOOL)
    rules: dict[ValueId, Arm] = {large: scored("a", 1, row), odd: scored("b", 2, row)}
    sample = s.sample(routed(s, rules, scored("c", 3, row), [row], "found"))
    text = print_graph(run(sample.graph, sample.store).graph)
    assert "large: bool" in text and "amount > limit" in text
    assert "run first+eq" in text
    assert_same_numbers(sample, sample.graph, run(sample.graph, sample.store).graph)
