"""Laws over graphs nobody thought of: models, steps that wait and steps that do not, arithmetic, conversions."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagc.ir.graph import Graph, ValueId
from dagc.ir.ops import CallStep
from dagc.ir.order import is_convex
from dagc.passes.fuse_models import FuseModels
from dagc.passes.fusion_groups import FusionGroups
from dagc.passes.pass_ import Context
from dagc.passes.pipeline import run
from dagc.passes.shared_runs import SharedRuns
from tests.passes.test_laws import assert_same_numbers
from tests.sample_graphs import FLOAT, ROW, Sample, Sketch, clip, joiner, profile, record, scaler, score

SCALERS, SCORE, JOINER = [scaler(i) for i in range(3)], score(), joiner()
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    s = Sketch("random")
    rows = [s.input("row", ROW), s.input("other", ROW)]
    ones: list[ValueId] = []
    numbers = [s.constant("third", FLOAT, 0.3)]
    for i in range(draw(st.integers(3, 14))):
        row = draw(st.sampled_from(rows))
        second = draw(st.sampled_from(rows))
        match draw(
            st.sampled_from(["model", "join", "score", "step", "wait", "wait", "add", "scale", "item", "fee"])
        ):
            case "model":
                number = draw(st.integers(0, 2))
                rows += s.model(f"scaler{number}", SCALERS[number], {"x": row}, f"y:v{i}")
            case "join":
                rows += s.model("joiner", JOINER, {"a": row, "b": second}, f"c:v{i}")
            case "score":
                ones += s.model("score", SCORE, {"x": row}, f"score:v{i}")
            case "step":
                rows.append(s.step(clip, [row], f"v{i}", ROW))
            case "wait":
                rows.append(s.step(draw(st.sampled_from([profile, record])), [row], f"v{i}", ROW))
            case "add":
                rows.append(s.op("mean", row, second, out=f"v{i}"))
            case "scale":
                rows.append(s.op("mul", row, draw(st.sampled_from([*ones, *numbers])), out=f"v{i}"))
            case "item" if ones:
                numbers.append(s.item(draw(st.sampled_from(ones)), f"v{i}", FLOAT))
            case _:
                picked = [draw(st.sampled_from(numbers)) for _ in range(2)]
                numbers.append(s.op("add", *picked, out=f"v{i}"))
    returned = draw(
        st.lists(st.sampled_from([*rows[2:], *ones, *numbers[1:]]), min_size=1, max_size=3, unique=True)
    )
    return s.sample(*returned)


@FEW
@given(samples())
def test_numbers_stay_the_same_and_no_step_comes_to_wait_longer(sample: Sample) -> None:
    optimised = run(sample.graph, sample.store).graph
    assert_same_numbers(sample, sample.graph, optimised)
    assert waits(optimised) == waits(sample.graph)


@FEW
@given(samples())
def test_groups_are_convex_and_a_second_run_finds_none(sample: Sample) -> None:
    for group in FusionGroups(sample.graph, sample.store, SharedRuns(sample.store)).groups():
        assert is_convex(sample.graph, [node.name for node in group])
    once = FuseModels().run(sample.graph, Context(sample.store))
    assert FuseModels().run(once, Context(sample.store)) is once


def waits(graph: Graph) -> dict[str, set[str]]:
    """The waiting steps before every step."""
    before: dict[ValueId, set[str]] = {value.id: set() for value in graph.inputs}
    found: dict[str, set[str]] = {}
    for node in graph.nodes:
        names = {name for value in node.inputs for name in before[value]}
        if isinstance(node.op, CallStep):
            found[node.name] = set(names)
            if node.op.is_async:
                names.add(node.name)
        before |= {value.id: names for value in node.outputs}
    return found
