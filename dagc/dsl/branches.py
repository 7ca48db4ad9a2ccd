"""Branches: zero-argument functions, or plain values, that become the arms of one node.

All arms of a node capture alike, so that whoever follows edges sees ordinary inputs.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dagc.diagnostics import Diagnostic, Label, Span
from dagc.dsl.branch_constants import Given, with_constants
from dagc.dsl.complete import callers_folder
from dagc.dsl.handle import Handle
from dagc.dsl.region import results, several, unsuitable
from dagc.dsl.signatures import definition_span
from dagc.ir.graph import Graph, Op, Value
from dagc.ir.meeting import meeting
from dagc.ir.types import TupleOf, Type, Unknown
from dagc.trace.recorder import Recorder, here, mistake, recording_with

Branch = tuple[str, object]
"""What messages call a branch (`case 'DE'`), and the function or value itself."""


@dataclass(frozen=True, slots=True)
class Arms:
    """Branches as regions of one node, with what they capture together and the types of what they give.

    `is_tuple` when they return real tuples; the node has an output for each item.
    """

    graphs: tuple[Graph, ...]
    captures: tuple[Value, ...]
    types: tuple[Type, ...]
    is_tuple: bool


def branch_result(branch: object) -> object:
    """What a branch gives in a plain call."""
    return branch() if callable(branch) and not isinstance(branch, Handle) else branch


def are_sound(combinator: str, branches: Sequence[Branch], example: str) -> bool:
    """Whether each is a value or can be called without arguments; reports E0190 for those that cannot."""
    problems = [
        (title, problem)
        for title, branch in branches
        if _is_function(branch) and (problem := unsuitable(branch, (), example)) is not None
    ]
    for title, (what, help) in problems:
        message = f"a branch of `{combinator}` is called without arguments, and {title} is {what}"
        tell("E0190", message, help)
    return not problems


def recorded_arms(
    recorder: Recorder, combinator: str, branches: Sequence[Branch], stem: str, *, code: str = "E0304"
) -> Arms:
    """Every branch run once as a region. Reports results that are no values (E0192), other types (`code`).

    A number or text that a branch returns becomes a tensor of one element where the others give one.
    """
    regions = [recorder.region(_span(recorder, branch), owner=f"`{combinator}`") for _, branch in branches]
    given = [
        _recorded(region, combinator, title, branch)
        for region, (title, branch) in zip(regions, branches, strict=True)
    ]
    graphs = [
        region.body(f"{stem}_{number}", values, _returns(values, found), region.whole)
        for number, (region, found, values) in enumerate(
            zip(regions, given, with_constants(regions, given), strict=True)
        )
    ]
    captures = tuple(dict.fromkeys(value for region in regions for value in region.captures))
    alike = tuple(replace(graph, inputs=captures) for graph in graphs)
    types = _types(alike, combinator, branches, code)
    return Arms(alike, captures, types, len(types) > 1)


def record_choice(recorder: Recorder, op: Op, own: Sequence[Value], arms: Arms, stem: str) -> object:
    """The handle of the node that has the arms, or a real tuple of handles."""
    outputs = recorder.record(op, (*own, *arms.captures), arms.types, stem)
    handles = tuple(Handle(recorder, output) for output in outputs)
    return handles if arms.is_tuple else handles[0]


def tell(code: str, message: str, help: str, *others: Label) -> None:
    """Keep a mistake at the user's line. Raises CompileError outside a recording."""
    mistake(Diagnostic.at(code, message, here(callers_folder()), "called here", others=others, help=help))


def _is_function(branch: object) -> bool:
    return callable(branch) and not isinstance(branch, Handle)


def _span(recorder: Recorder, branch: object) -> Span | None:
    return (definition_span(branch, recorder.root) if inspect.isfunction(branch) else None) or recorder.here()


def _recorded(region: Recorder, combinator: str, title: str, branch: object) -> Given:
    def say(message: str, help: str) -> None:
        """Report what an arm returns instead."""
        tell("E0192", f"{title} of `{combinator}` returns {message}", help)

    with recording_with(region):
        result = branch_result(branch)
        values, _ = results(region, result, say)
    items = several(result)
    return Given(tuple(values), tuple(items or [result]), items is not None)


def _returns(values: Sequence[Value], given: Given) -> Type:
    types = tuple(value.type for value in values)
    return TupleOf(types) if given.is_tuple else types[0]


def _types(arms: Sequence[Graph], combinator: str, branches: Sequence[Branch], code: str) -> tuple[Type, ...]:
    """What the arms' results are together, `Unknown` where that is nothing or they are not as many."""
    counts = [len(arm.outputs) for arm in arms]
    if len(set(counts)) > 1:
        given = [f"{count} value{'s' if count > 1 else ''}" for count in counts]
        _tell_apart(arms, combinator, branches, given, code, "return as many values from every branch")
        return (Unknown(),)
    types = [arm.types() for arm in arms]
    found: list[Type] = []
    for place in range(counts[0]):
        # What stands for a mistake is defined nowhere.
        given_types = [known.get(arm.outputs[place], Unknown()) for known, arm in zip(types, arms, strict=True)]
        met = meeting(given_types)
        if met is None:
            help = "let every branch give the same type; a step or `dagc.cast` converts"
            _tell_apart(arms, combinator, branches, [f"`{type}`" for type in given_types], code, help)
        found.append(met or Unknown())
    return tuple(found)


def _tell_apart(
    arms: Sequence[Graph],
    combinator: str,
    branches: Sequence[Branch],
    given: Sequence[str],
    code: str,
    help: str,
) -> None:
    """E0304, or `code`, with a label at the first branch of each kind."""
    first: dict[str, int] = {}
    for number, what in enumerate(given):
        first.setdefault(what, number)
    words = [f"{branches[number][0]} gives {what}" for what, number in first.items()]
    labels = (Label(arms[number].span, text) for text, number in zip(words, first.values(), strict=True))
    message = f"the branches of `{combinator}` do not give one type: {', '.join(words)}"
    tell(code, message, help, *labels)
