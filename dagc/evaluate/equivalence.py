"""Proves the fused form of a graph equal to the unfused one, by running both on the same cases.

Steps that wait for the world run once per case and are replayed. A case both forms refuse with the same exception
agrees; one that only one form refuses does not. Arms that no answer is made of, challengers and backups, are
proven too.
"""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from dagc.diagnostics.progress import counted
from dagc.evaluate.batching import Runs, compare_batches
from dagc.evaluate.company import compare_lists
from dagc.evaluate.comparison import (
    Difference,
    differences,
    noise_floor,
    place_kind,
    rounded_up,
    value_differences,
)
from dagc.evaluate.coverage import Coverage, untaken
from dagc.evaluate.evaluate import Steps, Watch, evaluate
from dagc.evaluate.sensitivity import straddling_cases
from dagc.evaluate.stand_ins import stood_in, told
from dagc.evaluate.tolerance import EXACT, Tolerance, answer_tolerance, case_tolerance, form_tolerance
from dagc.evaluate.verdict import Compared, Equivalence, Failure, FailureCode
from dagc.ir.graph import Graph, NodeName
from dagc.models.store import ModelStore

LONGEST_STEP_S = 2.0
"""What a waiting step may take in a proof, or the graph's deadline where that is more: an invented request may ask
a step to sleep for an hour, and a service would have given up."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The answer a case must get, and how far numbers may be off (absolute; `None`: as the dtype)."""

    json: JsonValue
    tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One request: its arguments by parameter name and, if known, the answer it must get.

    One `on_boundary` was drawn to lie where the graph decides: that it does so is no finding.
    """

    name: str
    arguments: Mapping[str, object]
    expected: Expected | None = None
    on_boundary: bool = False


def prove(
    unfused: Graph,
    fused: Graph,
    cases: Sequence[Case],
    *,
    store: ModelStore,
    steps: Steps,
    encode: Callable[[object], JsonValue],
    misfit: Callable[[object], str | None] = lambda result: None,
    seed: int | None = None,
) -> Equivalence:
    """The verdict over all cases; `encode` turns a result into the JSON answer and may refuse it.

    `misfit` says what of a result is not of the annotated type.

    Also compares rows run in a batch with the same rows run alone, and looks for cases next to a decision
    boundary. `seed` is only noted. Never raises for what a case does.
    """
    ledger = _Ledger(form_tolerance(unfused), answer_tolerance(unfused))
    runs = Runs()
    coverage = Coverage()
    asked = [_Asking(case, store, steps, encode) for case in cases]
    # All of one form first: meanwhile the models of the other one are loaded.
    wanted = [
        ask.answer(unfused, coverage=coverage) for ask in counted(asked, f"running `{unfused.name}` as written")
    ]
    pairs = zip(asked, wanted, strict=True)
    for ask, answer in counted(list(pairs), f"proving the fused form of `{fused.name}` equal"):
        ledger.enter(ask.case, answer, ask.answer(fused, watch=runs.watch(ask.case.name)))
    batches, batch_failures = compare_batches(fused, runs, store)
    failures = (*ledger.failures, *batch_failures, *compare_lists(fused, runs, steps))
    answered = len(cases) - sum(ledger.refusals.values())
    floor = noise_floor(ledger.tolerance)
    return Equivalence(
        graph=fused.name,
        verdict="different" if failures else "equal" if answered or not cases else "nothing answered",
        cases=len(cases),
        seed=seed,
        refused=sum(ledger.refusals.values()),
        refusals=tuple(sorted(ledger.refusals)),
        stored=ledger.stored,
        outputs=ledger.table.rows(floor),
        stored_outputs=ledger.stored_table.rows(noise_floor(ledger.stored_tolerance)),
        batches=batches,
        sensitivity=straddling_cases(
            fused, runs, store, besides=[case.name for case in cases if case.on_boundary]
        ),
        tolerances=ledger.tolerances(),
        failures=failures,
        stood_in=stood_in(unfused, coverage.tried, steps),
        untaken=untaken(unfused, coverage) if answered else (),
        first_refusal=told(ledger.first_refusal, steps),
        misfit=next(filter(None, (misfit(answer.result) for answer in wanted if answer.error is None)), ""),
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one form said: a value and its JSON, or why it refused; and what its spare arms did, by their names."""

    result: object = None
    json: JsonValue = None
    error: Exception | None = None
    spare: Mapping[str, object] = field(default_factory=dict)

    @property
    def refusal(self) -> str | None:
        """The name of the exception, if it refused."""
        return None if self.error is None else type(self.error).__name__


@dataclass(frozen=True, slots=True)
class _Asking:
    case: Case
    store: ModelStore
    steps: Steps
    encode: Callable[[object], JsonValue]
    known: dict[NodeName, object] = field(default_factory=dict)
    """What its waiting steps gave."""

    def answer(self, graph: Graph, *, watch: Watch | None = None, coverage: Coverage | None = None) -> _Answer:
        """What one form of the graph answers to the case."""
        spare: dict[str, object] = {}
        try:
            arguments = _own_copy(self.case.arguments)
            result = evaluate(
                graph,
                arguments,
                store=self.store,
                steps=self.steps,
                known=self.known,
                watch=watch,
                spare=spare,
                coverage=coverage,
                longest_s=max(LONGEST_STEP_S, graph.deadline_s),
            )
            return _Answer(result=result, json=self.encode(result), spare=spare)
        except Exception as error:
            return _Answer(error=error)


def _own_copy(arguments: Mapping[str, object]) -> Mapping[str, object]:
    """A step that changes its arguments must not change what the other form sees."""
    try:
        return copy.deepcopy(arguments)
    except (TypeError, ValueError, copy.Error):
        return arguments


@dataclass(slots=True)
class _Table:
    """The worst difference and the number of values by kind of place; exact ones have no difference."""

    worst: dict[str, float | None] = field(default_factory=dict)
    values: dict[str, int] = field(default_factory=dict)

    def enter(self, difference: Difference) -> None:
        """Count a place, and keep its difference if it is the worst of its kind."""
        kind = place_kind(difference.path)
        sizes = [size for size in (self.worst.get(kind), difference.size) if size is not None]
        self.worst[kind] = max(sizes, default=None)
        self.values[kind] = self.values.get(kind, 0) + 1

    def rows(self, floor: float) -> tuple[Compared, ...]:
        """A line for each kind of place; nothing below the floor is called a difference."""
        return tuple(
            Compared(path=kind, values=self.values[kind], at_most=0.0 if size is None else rounded_up(size, floor))
            for kind, size in sorted(self.worst.items())
        )


@dataclass(slots=True)
class _Ledger:
    """Everything found while the cases run."""

    tolerance: Tolerance
    stored_tolerance: Tolerance
    table: _Table = field(default_factory=_Table)
    stored_table: _Table = field(default_factory=_Table)
    failures: list[Failure] = field(default_factory=list)
    refusals: dict[str, int] = field(default_factory=dict)
    first_refusal: Exception | None = None
    own_tolerances: dict[float, Tolerance] = field(default_factory=dict)
    stored: int = 0

    def enter(self, case: Case, unfused: _Answer, fused: _Answer) -> None:
        """Take what both forms said to a case: compare them, and with the stored response."""
        if unfused.refusal != fused.refusal:
            self.fail("E0801", case, "$", f"the fused form {_said(fused)}, the unfused one {_said(unfused)}")
        elif fused.refusal is not None:
            self.refusals[fused.refusal] = self.refusals.get(fused.refusal, 0) + 1
            self.first_refusal = self.first_refusal or unfused.error
        else:
            self.note(case, differences(fused.json, unfused.json, self.tolerance, alike=True))
            self.compare_spare(case, unfused.spare, fused.spare)
        if case.expected is not None:
            self.compare_stored(case, case.expected, fused)

    def compare_spare(self, case: Case, unfused: Mapping[str, object], fused: Mapping[str, object]) -> None:
        """E0801 wherever what an arm gives that is in both forms is another; one may be gone with its node."""
        for name in sorted(unfused.keys() & fused.keys()):
            self.note(case, value_differences(fused[name], unfused[name], self.tolerance, name))

    def note(self, case: Case, found: Iterable[Difference]) -> None:
        """E0801 wherever the two forms are further apart than the tolerance."""
        for difference in found:
            self.table.enter(difference)
            if difference.failure is not None:
                self.fail("E0801", case, difference.path, difference.failure)

    def compare_stored(self, case: Case, expected: Expected, fused: _Answer) -> None:
        """E0802 wherever the answer is further from the stored response than the tolerance."""
        self.stored += 1
        if fused.refusal is not None:
            self.fail("E0802", case, "$", f"the graph {_said(fused)}, but a response is stored")
            return
        for difference in differences(fused.json, expected.json, self.tolerance_for(expected)):
            self.stored_table.enter(difference)
            if difference.failure is not None:
                self.fail("E0802", case, difference.path, difference.failure)

    def tolerance_for(self, expected: Expected) -> Tolerance:
        """The stored response's own tolerance, else that of the graph."""
        if expected.tolerance is None:
            return self.stored_tolerance
        return self.own_tolerances.setdefault(expected.tolerance, case_tolerance(expected.tolerance))

    def tolerances(self) -> tuple[Tolerance, ...]:
        """Those that were applied, each once."""
        of_stored = (self.stored_tolerance,) if self.stored else ()
        return tuple(dict.fromkeys((EXACT, self.tolerance, *of_stored, *self.own_tolerances.values())))

    def fail(self, code: FailureCode, case: Case, path: str, message: str) -> None:
        """Keep a failure of a case at a place of its answer."""
        self.failures.append(Failure(code=code, case=case.name, path=path, message=message))


def _said(answer: _Answer) -> str:
    if answer.error is None:
        return "answered"
    return f"raised {answer.refusal}: {str(answer.error).splitlines()[0] if str(answer.error) else ''}".rstrip(
        ": "
    )
