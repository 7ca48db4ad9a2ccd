"""`graph`: a function whose body is dataflow. A plain call runs as it reads, unfused: the oracle of its build."""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import update_wrapper
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar, final, overload

from dagc.diagnostics import CompileError, Diagnostic
from dagc.dsl.annotations import AnnotationError, Contract, contract
from dagc.dsl.arguments import passed
from dagc.dsl.auth import Auth, auth_mistakes
from dagc.dsl.complete import complete
from dagc.dsl.defaults import default_mistakes
from dagc.dsl.eager import refuse_inside_loop, refuse_inside_step
from dagc.dsl.eager_feeds import eager_value
from dagc.dsl.equal_sizes import unequal_sizes
from dagc.dsl.handle import Handle, value_of
from dagc.dsl.signatures import (
    Declaration,
    Function,
    annotation_mistakes,
    bound_arguments,
    declared_span,
    definition_span,
    import_problem,
)
from dagc.dsl.step_resources import graph_asking_mistakes
from dagc.ir.agree import disagreement
from dagc.ir.types import TupleOf, Type
from dagc.trace.conversions import given
from dagc.trace.recorder import Recorder, here, mistake, recording, refuse
from dagc.trace.source import definition_place
from dagc.trace.spans import Place, caller_place

P = ParamSpec("P")
R = TypeVar("R")

_inlining: ContextVar[tuple["GraphFunction", ...]] = ContextVar("dagc_inlining", default=())
"""The graphs whose bodies are being recorded, outermost first."""

_SEMANTIC_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
"""Of https://semver.org, without its rules about leading zeros in pre-releases."""


class GraphDecorator(Protocol):
    """What `graph(...)` with options returns."""

    def __call__(self, function: Callable[P, R], /) -> Callable[P, R]:
        """The function as a graph."""


@overload
def graph(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def graph(
    *, version: str = ..., deadline_s: float = ..., auth: Auth | Sequence[Auth] | None = ...
) -> GraphDecorator: ...
@complete('@dagc.graph(version="1.0.0", deadline_s=0.2)')
def graph(
    function: Function | None = None,
    /,
    *,
    version: str = "0.0.0",
    deadline_s: float = 1.0,
    auth: Auth | Sequence[Auth] | None = None,
) -> object:
    """The function as a graph.

    Args:
        function: its body calls steps, models and other graphs, and computes with tensors.
        version: of the graph's interface, as `1.2.0`.
        deadline_s: the time one request may take, in seconds.
        auth: who may ask: `dagc.api_key(...)`, `dagc.jwt(...)`, or several of which one has to know the caller. As
            soon as one graph of a service says so, all else the service answers but health asks for a caller too.
    """
    place = caller_place()
    if function is None:
        return lambda decorated: GraphFunction(decorated, version, deadline_s, place, auth)
    return GraphFunction(function, version, deadline_s, place, auth)


@final
class GraphFunction(Declaration):
    """A graph: inlined when a body that is being recorded calls it, else run as plain Python."""

    kind = "a graph"

    def __init__(
        self, function: Function, version: str, deadline_s: float, place: Place | None = None, auth: object = None
    ) -> None:
        self.function: Function = function
        self.auth = auth
        self._place = place
        self.version = version
        self.deadline_s = deadline_s
        self._contract: Contract | None = None
        update_wrapper(self, function, updated=())

    def __call__(self, *values: object, **named: object) -> object:
        """The result, or in a body that is being recorded a handle of it."""
        recorder = recording()
        if recorder is not None:
            return self._inline(recorder, values, named)
        refuse_inside_step("graph", self.name, self.folder)
        refuse_inside_loop("graph", self.name, self.folder)
        return self._run(values, named)

    def __repr__(self) -> str:
        return f"<graph {self.name}>"

    @property
    def name(self) -> str:
        """The name of the function."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    @property
    def folder(self) -> Path:
        """The folder of the file that defines it."""
        place = definition_place(self.function)
        return Path(place.file).resolve().parent if place else Path.cwd()

    def contract(self) -> Contract:
        """Its parameters and result. Raises AnnotationError."""
        if self._contract is None:
            self._contract = contract(self.function)
        return self._contract

    def mistakes(self, root: Path) -> Iterator[Diagnostic]:
        """What keeps it from being a graph, apart from its body."""
        if (found := self._no_function(root)) is not None:
            yield found
            return
        span = definition_span(self.function, root)
        if problem := import_problem(self.function):
            message = f"a service cannot import graph `{self.name}`: {problem[0]}"
            yield Diagnostic.at("E0109", message, span, "defined here", help=problem[1])
            return
        for message, help in self._wrong_options():
            yield Diagnostic.at("E0136", message, span, "declared here", help=help)
        for code, message, help in auth_mistakes(self.auth, f"graph `{self.name}`"):
            yield Diagnostic.at(code, message, span, "declared here", help=help)
        try:
            yield from default_mistakes(self.function, self.contract(), root)
            yield from graph_asking_mistakes(self.function, self.contract(), root)
        except AnnotationError as error:
            yield from annotation_mistakes(self.function, error, root)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Its body runs inside: a call of it there is a recursion (E0181)."""
        token = _inlining.set((*_inlining.get(), self))
        try:
            yield
        finally:
            _inlining.reset(token)

    def _no_function(self, root: Path) -> Diagnostic | None:
        if inspect.isfunction(self.function):
            return None
        span = declared_span(self.function, self._place, root)
        what = "a class" if isinstance(self.function, type) else f"a `{type(self.function).__name__}`"
        if isinstance(self.function, Declaration):
            what = f"{self.function.kind} already"
        return Diagnostic.at("E0107", f"`dagc.graph` is given {what}", span, help="decorate a `def` function")

    def _wrong_options(self) -> Iterator[tuple[str, str]]:
        version: object = self.version
        deadline: object = self.deadline_s
        if not isinstance(version, str) or not _SEMANTIC_VERSION.fullmatch(version):
            yield f"version `{version}` of graph `{self.name}` is not of the form 1.2.0", 'write `version="1.0.0"`'
        number = isinstance(deadline, int | float) and not isinstance(deadline, bool)
        if not (number and 0 < float(str(deadline)) < float("inf")):
            message = f"deadline_s `{deadline}` of graph `{self.name}` is not a time"
            yield message, "write seconds above 0, for example `deadline_s=0.2`"

    def _inline(self, recorder: Recorder, values: Sequence[object], named: Mapping[str, object]) -> object:
        try:
            declared = self.contract()
        except AnnotationError as error:
            for problem in annotation_mistakes(self.function, error, recorder.root):
                mistake(problem)
            return Handle(recorder, recorder.unknown(self.name))
        if self in _inlining.get():
            message = f"graph `{self.name}` calls itself"
            help = "a graph is inlined where it is called, so it cannot contain itself: loop inside a step"
            mistake(Diagnostic.at("E0181", message, recorder.here(), "called here", help=help))
            return Handle(recorder, recorder.unknown(self.name))
        bound, wrong = bound_arguments(declared, values, named)
        for message, help in wrong:
            mistake(Diagnostic.at("E0133", f"graph {message}", recorder.here(), "called here", help=help))
        if wrong:
            return Handle(recorder, recorder.unknown(self.name))
        handles = {
            parameter.name: self._argument(recorder, parameter.name, bound[parameter.name], parameter.type)
            for parameter in declared.parameters
            if parameter.name in bound
        }
        with self.entered():
            result = self.function(**handles)
        return _fitted(result, declared.returns, lambda item, type: _given(recorder, item, type))

    def _argument(self, recorder: Recorder, name: str, item: object, wanted: Type) -> Handle:
        receiver = f"parameter `{name}` of graph `{self.name}`"
        value = passed(recorder, item, wanted, receiver)
        if found := disagreement(value.type, wanted):
            message = f"{receiver} does not take this value: {found}"
            help = f"it is declared as `{wanted}`"
            mistake(Diagnostic.at("E0133", message, recorder.here(), "called here", help=help))
        return Handle(recorder, value)

    def _run(self, values: Sequence[object], named: Mapping[str, object]) -> object:
        if (found := self._no_function(self.folder)) is not None:
            raise CompileError.of(found)
        try:
            declared = self.contract()
        except AnnotationError as error:
            raise CompileError.of(*annotation_mistakes(self.function, error, self.folder)) from None
        types = {parameter.name: parameter.type for parameter in declared.parameters}
        order = [parameter.name for parameter in declared.parameters if not parameter.keyword_only]
        extra = values[len(order) :]  # too many: Python's own TypeError says so below
        given_first = dict(zip(order, values, strict=False))
        converted = [eager_value(item, types[name]) for name, item in given_first.items()]
        by_name = {name: eager_value(item, types.get(name)) for name, item in named.items()}
        self._compare_sizes(declared, {**given_first, **named})
        with self.entered():
            result = self.function(*converted, *extra, **by_name)
        return _fitted(result, declared.returns, eager_value)

    def _compare_sizes(self, declared: Contract, arguments: Mapping[str, object]) -> None:
        """E0208 where a service refuses the request; a graph inside another one gets no request of its own."""
        if _inlining.get() or (problem := unequal_sizes(declared.parameters, arguments)) is None:
            return
        message = f"graph `{self.name}` is given sizes that are not equal: {problem}"
        help = "a name in the annotations is one size within a request"
        refuse(Diagnostic.at("E0208", message, here(self.folder), "called here", help=help))


def _fitted(result: object, returns: Type, fit: Callable[[object, Type], object]) -> object:
    """The result with one-element tensors as items where the declared type says a number."""
    if isinstance(returns, TupleOf) and isinstance(result, tuple) and len(result) == len(returns.items):
        return tuple(fit(item, type) for item, type in zip(result, returns.items, strict=True))
    return fit(result, returns)


def _given(recorder: Recorder, item: object, wanted: Type) -> object:
    return Handle(recorder, given(recorder, value_of(item), wanted)) if isinstance(item, Handle) else item
