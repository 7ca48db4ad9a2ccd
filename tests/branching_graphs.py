"""Graphs whose nodes own arms, in the manner of `sample_graphs.py`: every combinator, alone and in others."""

from collections.abc import Callable, Sequence

from dagc.ir.graph import Case, Choosing, Fallback, Graph, Quorum, Route, Shadow, Split, Standing, Switch, ValueId
from dagc.ir.types import Choice, ListOf
from tests.sample_graphs import BOOL, FLOAT, ONE, ROW, TEXT, Sample, Sketch, decide, profile, scaler, score

COUNTRY = Choice(("DE", "FR", "US"))

Arm = Callable[[Sketch], ValueId | tuple[ValueId, ...]]


def arm(s: Sketch, name: str, body: Arm, captures: Sequence[ValueId], lines: int = 0) -> Graph:
    """A region of a node that will be drawn `lines` further down."""
    inner = Sketch(name, s.store, s.steps)
    inner.first_line = s.first_line + len(s.nodes) + 1 + lines
    for captured in captures:
        inner.input(captured, s.types[captured])
    found = body(inner)
    return inner.graph(*(found if isinstance(found, tuple) else (found,)))


def drawn(
    s: Sketch, op: Choosing | Standing, own: Sequence[ValueId], captures: Sequence[ValueId], out: str
) -> ValueId:
    """The node of an operation whose first arm says what it gives."""
    arms = op.combines if isinstance(op, Quorum) else (op.arms if isinstance(op, Choosing) else (_first(op),))
    types = [arms[0].types()[output] for output in arms[0].outputs]
    names = [out] if len(types) == 1 else [f"{out}_{number}" for number in range(len(types))]
    return s.node(op, (*own, *captures), list(zip(names, types, strict=True)))[0]


def switched(
    s: Sketch,
    value: ValueId,
    cases: dict[Case, Arm],
    captures: Sequence[ValueId],
    out: str,
    default: Arm | None = None,
) -> ValueId:
    bodies = [*cases.values(), *([default] if default else [])]
    arms = tuple(arm(s, f"{out}_{number}", body, captures, number) for number, body in enumerate(bodies))
    return drawn(s, Switch(tuple(cases), arms), [value], captures, out)


def routed(s: Sketch, rules: dict[ValueId, Arm], otherwise: Arm, captures: Sequence[ValueId], out: str) -> ValueId:
    bodies = [*rules.values(), otherwise]
    arms = tuple(arm(s, f"{out}_{number}", body, captures, number) for number, body in enumerate(bodies))
    return drawn(s, Route(arms), list(rules), captures, out)


def shared_out(
    s: Sketch, key: ValueId, shares: Sequence[float], bodies: Sequence[Arm], captures: Sequence[ValueId], out: str
) -> ValueId:
    arms = tuple(arm(s, f"{out}_{number}", body, captures, number) for number, body in enumerate(bodies))
    return drawn(s, Split(tuple(shares), arms), [key], captures, out)


def scored(name: str, seed: int, row: ValueId) -> Arm:
    return lambda b: b.model(name, score(seed), {"x": row}, f"score:{name}_score")[0]


def by_country() -> Sample:
    """An arm of two models, which become one; an arm of one; a default that calls no model."""
    s = Sketch("by_country")
    country, row = s.input("country", COUNTRY), s.input("row", ROW)

    def germany(b: Sketch) -> ValueId:
        (scaled,) = b.model("scaler", scaler(), {"x": row}, "y:scaled")
        return b.model("germany", score(3), {"x": scaled}, "score:local")[0]

    cases: dict[Case, Arm] = {("DE",): germany, ("FR",): scored("france", 4, row)}
    chosen = switched(s, country, cases, [row], "chosen", scored("other", 5, row))
    return s.sample(s.op("mul", chosen, s.constant("two", FLOAT, 2.0), out="doubled"))


def by_rule() -> Sample:
    """Conditions on a request's number and on a model's result; an arm that is a captured value."""
    s = Sketch("by_rule")
    row, amount = s.input("row", ROW), s.input("amount", FLOAT)
    (first,) = s.model("first", score(1), {"x": row}, "score:first")
    large = s.op("gt", amount, s.constant("limit", FLOAT, 0.5), out="large")
    sure = s.op("gt", first, s.constant("enough", FLOAT, 0.6), out="sure")
    rules: dict[ValueId, Arm] = {large: scored("careful", 2, row), sure: lambda b: first}
    return s.sample(routed(s, rules, scored("second", 3, row), [row, first], "found"))


def by_expression() -> Sample:
    """Arms of arithmetic only: computed together, one of them picked."""
    s = Sketch("by_expression")
    row = s.input("row", ROW)
    (value,) = s.model("score", score(), {"x": row}, "score:value")
    high = s.op("gt", value, s.constant("half", FLOAT, 0.5), out="high")
    rules: dict[ValueId, Arm] = {high: lambda b: b.op("mul", value, value, out="squared")}
    found = routed(s, rules, lambda b: b.op("neg", value, out="turned"), [value], "found")
    return s.sample(s.op("add", found, value, out="total"))


def by_share() -> Sample:
    s = Sketch("by_share")
    key, row = s.input("key", TEXT), s.input("row", ROW)
    bodies = [scored("champion", 1, row), scored("canary", 2, row)]
    return s.sample(shared_out(s, key, (0.9, 0.1), bodies, [row], "answer"))


def choices_in_items() -> Sample:
    """A choice in each item, a choice in a choice, and a step that waits in one arm only."""
    s = Sketch("choices_in_items")
    rows, country = s.input("rows", ListOf(ROW)), s.input("country", COUNTRY)

    def of_row(b: Sketch, row: ValueId) -> ValueId:
        def fetched(c: Sketch) -> ValueId:
            known = c.step(profile, [row], "known", ROW)
            return c.model("score", score(), {"x": known}, "score:known_score")[0]

        def ruled(c: Sketch) -> ValueId:
            (value,) = c.model("rough", score(1), {"x": row}, "score:rough_score")
            sure = c.op("gt", value, c.constant("enough", FLOAT, 0.5), out="sure")
            return routed(c, {sure: lambda d: value}, scored("fine", 2, row), [value, row], "ruled")

        value = switched(b, country, {("DE", "FR"): fetched}, [row], "value", ruled)
        return b.step(decide, [b.item(value, "number", FLOAT)], "decision", BOOL)

    return s.sample(s.each(rows, "row", of_row, "decisions", [country]))


def constant_choices() -> Sample:
    """What is known when the graph is built: a selector, a condition, a share of nothing."""
    s = Sketch("constant_choices")
    row, key = s.input("row", ROW), s.input("key", TEXT)
    chosen = switched(
        s,
        s.constant("home", TEXT, "FR"),
        {("DE",): scored("germany", 1, row), ("FR",): scored("france", 2, row)},
        [row],
        "chosen",
        scored("other", 3, row),
    )
    never = s.op("gt", s.constant("one", FLOAT, 1.0), s.constant("two", FLOAT, 2.0), out="never")
    rules: dict[ValueId, Arm] = {never: scored("never_run", 4, row)}
    found = routed(s, rules, scored("always", 5, row), [row], "found")
    bodies = [scored("all", 6, row), scored("none", 7, row)]
    return s.sample(chosen, found, shared_out(s, key, (1.0, 0.0), bodies, [row], "answer"))


def standing_arms() -> Sample:
    """A fallback, a shadow and a quorum, none of which this room gives a meaning to."""
    s = Sketch("standing_arms")
    row = s.input("row", ROW)
    primary, backup = (arm(s, n, scored(n, i, row), [row], i) for i, n in enumerate(("primary", "backup")))
    safe = drawn(s, Fallback(primary, backup, 0.05), [], [row], "safe")
    champion, challenger = (
        arm(s, n, scored(n, i, row), [row], i) for i, n in enumerate(("champion", "challenger"))
    )
    seen = drawn(s, Shadow(champion, challenger, ("graph", "compare")), [], [row], "seen")
    members = tuple(arm(s, f"m{i}", scored(f"m{i}", i, row), [row], i) for i in range(3))
    combines = tuple(_averaged(s, count, row) for count in (2, 3))
    found = drawn(s, Quorum(members, 2, 0.1, combines), [], [row], "found")
    return s.sample(safe, seen, found)


def _averaged(s: Sketch, count: int, row: ValueId) -> Graph:
    inner = Sketch(f"mean_of_{count}", s.store, s.steps)
    inner.first_line = s.first_line + len(s.nodes) + 1
    answers = [inner.input(f"answer_{number}", ONE) for number in range(count)]
    inner.input(row, ROW)
    return inner.graph(inner.op("mean", *answers, out=f"average_of_{count}"))


def _first(op: Choosing | Standing) -> Graph:
    match op:
        case Switch(arms=arms) | Route(arms=arms) | Split(arms=arms):
            return arms[0]
        case Fallback(primary=first) | Shadow(champion=first):
            return first
        case Quorum(combines=combines):
            return combines[0]


CHOICES: tuple[Callable[[], Sample], ...] = (
    by_country,
    by_rule,
    by_expression,
    by_share,
    choices_in_items,
    constant_choices,
)
BRANCHING: tuple[Callable[[], Sample], ...] = (*CHOICES, standing_arms)
