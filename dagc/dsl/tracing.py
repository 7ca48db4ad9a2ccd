"""Runs a graph's body once on symbolic values and gives the recorded graph."""

from collections.abc import Sequence
from pathlib import Path

from dagc.diagnostics import CompileError, Diagnostic, Report, Span
from dagc.dsl.annotations import Contract
from dagc.dsl.arguments import argument, record_fields
from dagc.dsl.exceptions import body_failure
from dagc.dsl.graph import GraphFunction
from dagc.dsl.handle import Handle
from dagc.dsl.signatures import definition_span, parameter_span
from dagc.ir.graph import Graph, Value
from dagc.ir.types import TupleOf
from dagc.trace.conversions import given
from dagc.trace.recorder import Recorder, recording_with


def trace(function: GraphFunction, root: Path, report: Report) -> Graph | None:
    """The graph of a function whose signature is sound; nothing when its body is refused, as `report` tells."""
    declared = function.contract()
    found = Report(report.root)
    whole = definition_span(function.function, root) or Span(f"{function.function.__module__}.py", 1)
    recorder = Recorder(root, found, whole)
    handles = {
        parameter.name: Handle(
            recorder,
            recorder.input(
                parameter.name, parameter.type, parameter_span(function.function, parameter.name, root)
            ),
        )
        for parameter in declared.parameters
    }
    outputs = _outputs(function, handles, recorder, declared)
    report.extend(found.diagnostics)
    if found.errors:
        return None
    return recorder.graph(
        function.name,
        outputs,
        declared.returns,
        whole,
        module=function.function.__module__,
        version=function.version,
        deadline_s=function.deadline_s,
    )


def _outputs(
    function: GraphFunction, handles: dict[str, Handle], recorder: Recorder, declared: Contract
) -> list[Value]:
    with recording_with(recorder):
        try:
            with function.entered():
                result = function.function(**handles)
        except CompileError as error:
            if not recorder.report.errors:
                recorder.report.extend(error.report.diagnostics)
            return []
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a user's class may stand right below it
            failure = body_failure(function.name, error, recorder.root)
            if not _at_one_of(failure, recorder.report.errors):
                recorder.report.add(failure)
            return []
        try:
            return _results(function, result, recorder, declared)
        except CompileError as error:  # the returned value leaked out of another graph
            recorder.report.extend(error.report.diagnostics)
            return []


def _at_one_of(failure: Diagnostic, errors: Sequence[Diagnostic]) -> bool:
    """Whether an exception is only the consequence of a refusal reported at the same line."""
    lines = {(error.span.file, error.span.line) for error in errors if error.span}
    return failure.span is not None and (failure.span.file, failure.span.line) in lines


def _results(function: GraphFunction, result: object, recorder: Recorder, declared: Contract) -> list[Value]:
    span = definition_span(function.function, recorder.root)
    if problem := _not_returnable(result):
        message, help = problem
        recorder.report.add(Diagnostic.at("E0135", f"graph `{function.name}` returns {message}", span, help=help))
        return []
    returns = declared.returns
    items = list(result) if isinstance(result, tuple) else [result]
    several = isinstance(returns, TupleOf) and isinstance(result, tuple)
    wanted = list(returns.items) if isinstance(returns, TupleOf) and several else [returns]
    if len(items) != len(wanted):
        message = f"graph `{function.name}` returns {len(items)} values, and `{returns}` is declared"
        help = "make the `return` and the annotation say the same"
        recorder.report.add(Diagnostic.at("E0135", message, span, "declared here", help=help))
        return []
    receiver = f"the result of graph `{function.name}`"
    return [
        given(recorder, argument(recorder, item, receiver), type) for item, type in zip(items, wanted, strict=True)
    ]


def _not_returnable(result: object) -> tuple[str, str] | None:
    if result is None:
        return "nothing", "end the body with `return` and the value that answers the request"
    if record_fields(result) is not None:
        name = type(result).__name__
        help = f"let a step make the record: `make = dagc.step({name})` and `return make(...)`, or return a tuple"
        return f"a `{name}` made in its body", help
    if isinstance(result, list | dict | set):
        kind = type(result).__name__
        return f"a {kind} made in its body", "let a step make it, or return the values as a tuple"
    return None
