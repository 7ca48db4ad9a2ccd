"""`step`: an ordinary function or class of the user's as a node. Called outside a graph body it just runs."""

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from enum import Enum
from functools import partial, update_wrapper
from pathlib import Path
from typing import Literal, ParamSpec, Protocol, TypeVar, final, overload

from dagc.diagnostics import CompileError, Diagnostic
from dagc.dsl.annotations import AnnotationError, Contract, contract
from dagc.dsl.arguments import passed
from dagc.dsl.batched import BatchDecorator, one_call, one_each
from dagc.dsl.complete import complete
from dagc.dsl.defaults import default_mistakes
from dagc.dsl.eager import refuse_inside_loop, refuse_inside_step, running_step, waited
from dagc.dsl.eager_feeds import eager_value
from dagc.dsl.handle import Handle, value_of
from dagc.dsl.service import Service, placed
from dagc.dsl.signatures import (
    Declaration,
    Function,
    annotation_mistakes,
    bound_arguments,
    declared_span,
    import_problem,
    unusual_kind,
)
from dagc.dsl.step_options import StepOptions
from dagc.dsl.step_resources import asking_mistakes, given_in_body, resource_uses
from dagc.evaluate.standing import is_refusal
from dagc.ir.graph import Value
from dagc.ir.ops import CallStep, RunsIn
from dagc.ir.types import TupleOf, Type
from dagc.trace.recorder import Recorder, mistake, recording
from dagc.trace.source import definition_place
from dagc.trace.spans import Place, caller_place

P = ParamSpec("P")
R = TypeVar("R")


class StepDecorator(Protocol):
    """What `step()` with parentheses returns."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[object, object, R]], /) -> Callable[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def step(function: Callable[P, Coroutine[object, object, R]], /) -> Callable[P, R]: ...
@overload
def step(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def step(
    *,
    timeout_s: float | None = ...,
    retries: int = ...,
    fallback: Callable[[], object] | None = ...,
    run: RunsIn = ...,
    batch: Literal[True],
    on: Service | None = ...,
) -> BatchDecorator: ...
@overload
def step(
    *,
    timeout_s: float | None = ...,
    retries: int = ...,
    fallback: Callable[[], object] | None = ...,
    run: RunsIn = ...,
    batch: Literal[False] = ...,
    on: Service | None = ...,
) -> StepDecorator: ...
@complete("@dagc.step(timeout_s=0.05, retries=1, fallback=Profile)")
def step(
    function: Function | None = None,
    /,
    *,
    timeout_s: float | None = None,
    retries: int = 0,
    fallback: Callable[[], object] | None = None,
    run: RunsIn = "inline",
    batch: bool = False,
    on: Service | None = None,
) -> object:
    """The function or class as a step of graphs.

    A call in a graph body gives the awaited result of an async step. Mistakes of the signature and of the options
    are reported when the file is loaded (E0108, E0109, E0167 to E0169, E0196, E0198, E0210 to E0215, E0331).

    Args:
        function: a function, or a class whose call makes a record.
        timeout_s: seconds a service waits for one attempt; not for plain functions on the event loop.
        retries: further attempts where one fails or is late, only for steps that may run twice and as `timeout_s`.
            They come from a budget of a tenth of all calls.
        fallback: a function without parameters, or a class, whose result stands in where the step fails; the
            answer is flagged degraded. It does so in a plain call too, in which nothing is late or repeated.
        run: where a service runs a plain function: `"inline"` on its event loop, which stands still meanwhile;
            `"thread"` beside it, for what waits or lets go of Python's lock; `"process"` for Python that computes.
            A worker has a few of each; when all are taken, requests wait in a line, and when that is full get 503.
        batch: the function takes a list for each parameter and returns a list of the same length: requests that
            arrive together share a call. A graph calls it with single values, and so does a plain call.
        on: the service that runs it; without one it runs in the graph's own.
    """
    options = StepOptions(timeout_s, retries, fallback, run, batch)
    place = caller_place()
    if function is None:
        return lambda decorated: Step(decorated, place, options, on)
    return Step(function, place, options, on)


@final
class Step(Declaration):
    """A function or class that may be called in graph bodies; `place` is where it was declared."""

    kind = "a step"

    def __init__(
        self,
        function: Function,
        place: Place | None = None,
        options: StepOptions | None = None,
        on: object = None,
    ) -> None:
        self.function: Function = function
        self.options = options or StepOptions()
        self._on = on
        self._place = place
        self._contract: Contract | None = None
        self._problems: tuple[Diagnostic, ...] | None = None
        update_wrapper(self, function, updated=())

    def __call__(self, *values: object, **named: object) -> object:
        """The result, or in a body that is being recorded a handle of it."""
        recorder = recording()
        if recorder is None:
            return self._run(values, named)
        return self._record(recorder, values, named)

    def __repr__(self) -> str:
        return f"<step {self.name}>"

    @property
    def name(self) -> str:
        """The name the user gave it."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    @property
    def key(self) -> tuple[str, str]:
        """Module and qualified name, by which a service imports it."""
        return getattr(self.function, "__module__", ""), getattr(self.function, "__qualname__", self.name)

    @property
    def folder(self) -> Path:
        """The folder of the file that defines it."""
        place = definition_place(self.function)
        return Path(place.file).resolve().parent if place else Path.cwd()

    def contract(self) -> Contract:
        """Its parameters and result. Raises AnnotationError."""
        if self._contract is None:
            found = contract(self.function)
            self._contract = one_each(found) if self.options.batch else found
        return self._contract

    def mistakes(self, root: Path) -> Iterator[Diagnostic]:
        """What keeps it from being a step."""
        span = declared_span(self.function, self._place, root)
        if kind := unusual_kind(self.function):
            help = "return the whole result, for example a list"
            if isinstance(self.function, Declaration):
                help = "decorate the function itself, once"
            yield Diagnostic.at("E0108", f"step `{self.name}` is {kind}", span, "defined here", help=help)
        if isinstance(self.function, Declaration):
            return
        if problem := import_problem(self.function):
            message = f"a service cannot import step `{self.name}`: {problem[0]}"
            yield Diagnostic.at("E0109", message, span, "defined here", help=problem[1])
            return  # what its signature lacks is nothing to repair now
        try:
            yield from default_mistakes(self.function, self.contract(), root)
            yield from asking_mistakes(self.function, self.contract(), root)
            for code, message, help in self.options.mistakes(self.name, self.contract()):
                yield Diagnostic.at(code, message, span, "declared here", help=help)
        except AnnotationError as error:
            yield from annotation_mistakes(self.function, error, root, self._place)

    def _record(self, recorder: Recorder, values: Sequence[object], named: Mapping[str, object]) -> object:
        if self._problems is None:
            self._problems = tuple(self.mistakes(recorder.root))
        for problem in self._problems:
            mistake(problem)
        if self._problems:
            return Handle(recorder, recorder.unknown(self.name))
        declared = self.contract()
        inputs_named = {name: item for name, item in named.items() if name not in declared.resources}
        bound, wrong = bound_arguments(declared, values, inputs_named)
        for problem in given_in_body(declared, named, recorder.here()):
            mistake(problem)
        for message, help in wrong:
            mistake(Diagnostic.at("E0133", f"step {message}", recorder.here(), "called here", help=help))
        expects = {parameter.name: parameter.type for parameter in declared.parameters if parameter.name in bound}
        inputs = [self._argument(recorder, name, item, expects) for name, item in bound.items() if name in expects]
        options = self.options
        op = CallStep(
            *self.key,
            tuple(expects),
            tuple(expects.values()),
            declared.is_async,
            options.guard(),
            options.run,
            options.batch,
            resource_uses(declared, self.function, recorder.root),
        )
        return self._handles(recorder, op, inputs, declared.returns)

    def _argument(self, recorder: Recorder, name: str, item: object, expects: Mapping[str, Type]) -> Value:
        receiver = f"parameter `{name}` of step `{self.name}`"
        if isinstance(item, Enum):
            # A constant holds the member's value, and the step would receive that instead of the member.
            help = f"give `{name}` that default and leave it out, or choose inside the step"
            message = f"{receiver} is given the enum member `{item}`, which a graph cannot write down"
            mistake(Diagnostic.at("E0138", message, recorder.here(), "passed here", help=help))
        return passed(recorder, item, expects[name], receiver)

    def _handles(self, recorder: Recorder, op: CallStep, inputs: Sequence[Value], returns: Type) -> object:
        """A tuple-typed result is a real tuple: one output for each item."""
        placement = placed(self._on, f"step `{self.name}`", recorder.root)
        if isinstance(returns, TupleOf) and len(returns.items) > 1:
            outputs = recorder.record(op, inputs, returns.items, self.name, placement=placement)
            return tuple(Handle(recorder, output) for output in outputs)
        return Handle(recorder, recorder.record(op, inputs, (returns,), self.name, placement=placement)[0])

    def _run(self, values: Sequence[object], named: Mapping[str, object]) -> object:
        for item in (*values, *named.values()):
            if isinstance(item, Handle):
                value_of(item)  # refuses: no graph is being recorded
        declared = self._contract_or_raise()
        types = {parameter.name: parameter.type for parameter in declared.parameters}
        order = [parameter.name for parameter in declared.parameters if not parameter.keyword_only]
        order += [""] * (len(values) - len(order))  # too many: Python's own TypeError says so below
        converted = [eager_value(item, types.get(name)) for name, item in zip(order, values, strict=False)]
        by_name = {name: eager_value(item, types.get(name)) for name, item in named.items()}
        try:
            if declared.is_async:
                return self._wait(converted, by_name)
            with running_step(self.name):
                return self._called(converted, by_name)
        except Exception as error:
            if self.options.fallback is None or is_refusal(error) or isinstance(error, CompileError):
                raise
        return self.options.fallback()

    def _wait(self, values: Sequence[object], named: Mapping[str, object]) -> object:
        refuse_inside_step("async step", self.name, self.folder)
        refuse_inside_loop("async step", self.name, self.folder)
        with running_step(self.name):
            result = self._called(values, named)
            if not isinstance(result, Coroutine):
                return result
            return waited(result)

    def _called(self, values: Sequence[object], named: Mapping[str, object]) -> object:
        if self.options.batch:
            own = {name: item for name, item in named.items() if name in self.contract().resources}
            listed = {name: item for name, item in named.items() if name not in own}
            return one_call(partial(self.function, **own), values, listed)
        return self.function(*values, **named)

    def _contract_or_raise(self) -> Contract:
        if not callable(self.function):
            raise CompileError.of(*self.mistakes(self.folder))
        try:
            return self.contract()
        except AnnotationError as error:
            raise CompileError.of(*annotation_mistakes(self.function, error, self.folder)) from None
