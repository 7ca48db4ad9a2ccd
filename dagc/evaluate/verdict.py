"""What a proof found, as data for the build and as diagnostics for the user.

The data holds verdicts, tolerances, counts and names, but no raw last bits: builds have to be byte-identical.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from dagc.diagnostics import Diagnostic, Span
from dagc.evaluate.coverage import Untaken
from dagc.evaluate.tolerance import Tolerance

FailureCode = Literal["E0801", "E0802", "E0804"]


_MOST_NAMED = 5

_MESSAGES: dict[FailureCode, str] = {
    "E0801": "the fused form of `{graph}` does not answer as the unfused one in {count}",
    "E0802": "`{graph}` does not answer as its stored responses say in {count}",
    "E0804": "`{graph}` answers differently when requests share a run in {count}",
}
_HELP: dict[FailureCode, str] = {
    "E0801": "make every step return the same for the same arguments (no clock, no random numbers, no state); "
    "if they all do, this is a fault of dagc: report it with the graph and the named case",
    "E0802": "correct the response, widen its `tolerance`, or find what changed in the model or the steps",
    "E0804": "export the model so that no row depends on another, or give it a fixed batch size of 1; "
    "let a step with `batch=True` treat every item by itself",
}


class _Plain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Compared(_Plain):
    """One kind of place in the answers; no values were further apart than `at_most`.

    That is `|a - b| / max(1, |b|)`; 0 where all are equal.
    """

    path: str
    values: int
    at_most: float


class Failure(_Plain):
    """A place where two answers that must be equal are not.

    E0801: fused against unfused. E0802: against a stored response. E0804: in a batch against alone.
    """

    code: FailureCode
    case: str
    path: str
    message: str


class Batched(_Plain):
    """A model whose requests share runs: `rows` run together were compared with the same rows run alone.

    `one_by_one` is the reason why they do not share runs; nothing was compared then.
    """

    node: str
    rows: int
    at_most: float
    one_by_one: str | None = None


class Straddle(_Plain):
    """A case whose answer changes when one element of a feed moves by the smallest step of its dtype."""

    case: str
    node: str
    feed: str
    output: str


class Sensitivity(_Plain):
    """How close the cases are to decision boundaries. `examined` cases of all; the others cost too much."""

    examined: int
    left_out: int
    straddling: tuple[Straddle, ...]


@dataclass(frozen=True, slots=True)
class StoodIn:
    """A node that never answered by itself: whatever called it got what stands in for it."""

    what: str
    error: str
    span: Span


class Equivalence(_Plain):
    """The proof that the fused form of a graph answers as the unfused one does.

    `refused` counts the cases in which both forms raised the same exception, `refusals` names these. `stored`
    counts the stored responses that were compared. `misfit` is what of an answer is
    not of the annotated type, `untaken` the arms no case took. The JSON form is deterministic: `stood_in`,
    `first_refusal`, `misfit` and `untaken`, which depend on what the machine can reach, are no part of it.
    """

    graph: str
    verdict: Literal["equal", "different", "nothing answered"]
    cases: int
    seed: int | None
    refused: int
    refusals: tuple[str, ...]
    stored: int
    outputs: tuple[Compared, ...]
    stored_outputs: tuple[Compared, ...]
    batches: tuple[Batched, ...]
    sensitivity: Sensitivity
    tolerances: tuple[Tolerance, ...]
    failures: tuple[Failure, ...]
    stood_in: tuple[StoodIn, ...] = Field(default=(), exclude=True)
    first_refusal: str = Field(default="", exclude=True)
    misfit: str = Field(default="", exclude=True)
    untaken: tuple[Untaken, ...] = Field(default=(), exclude=True)

    def diagnostics(self, span: Span | None = None) -> tuple[Diagnostic, ...]:
        """Errors E0801, E0802, E0804 and warnings W0801 to W0805; none when all is proven."""
        by_code = groupby(sorted(self.failures, key=lambda failure: failure.code), lambda failure: failure.code)
        errors = tuple(_failed(self, code, list(failures), span) for code, failures in by_code)
        return errors + _warnings(self, span)


def _failed(verdict: Equivalence, code: FailureCode, failures: Sequence[Failure], span: Span | None) -> Diagnostic:
    cases = tuple(dict.fromkeys(failure.case for failure in failures))
    message = _MESSAGES[code].format(graph=verdict.graph, count=_count(len(cases), "case"))
    notes = [f"{failure.case}: `{failure.path}` {failure.message}" for failure in failures[:_MOST_NAMED]]
    if len(failures) > _MOST_NAMED:
        notes.append(f"and {len(failures) - _MOST_NAMED} more")
    drawing = [b.one_by_one for b in verdict.batches if b.one_by_one and "draws at random" in b.one_by_one]
    if drawing:
        notes.insert(0, f"{drawing[0]}: no two runs of such a model agree; export it without that")
    straddling = {straddle.case for straddle in verdict.sensitivity.straddling} & set(cases)
    if straddling:
        notes.append(
            f"{len(straddling)} of them at a decision boundary: the smallest step of one feature changes the "
            "answer, so another rounding of the features may be all there is"
        )
    return Diagnostic.at(code, message, span, "this graph", notes=tuple(notes), help=_HELP[code])


def _warnings(equivalence: Equivalence, span: Span | None) -> tuple[Diagnostic, ...]:
    found = []
    straddling = tuple(dict.fromkeys(straddle.case for straddle in equivalence.sensitivity.straddling))
    if straddling:
        found.append(
            Diagnostic.at(
                "W0801",
                f"the smallest step of one feature changes the answer of {_count(len(straddling), 'case')} of "
                f"`{equivalence.graph}`",
                span,
                notes=(f"straddling: {_some(straddling)}",),
                help="compare these rows with the original library; features on a coarser grid than float32 "
                "(cents, not fractions) do not straddle",
            )
        )
    if equivalence.verdict == "nothing answered":
        found.append(
            Diagnostic.at(
                "W0802",
                f"no case of `{equivalence.graph}` was answered, so nothing was compared",
                span,
                notes=(
                    f"all {equivalence.cases} cases raised {', '.join(equivalence.refusals)} in both forms",
                    *([f"the first: {equivalence.first_refusal}"] if equivalence.first_refusal else []),
                ),
                help="keep a request that can be answered in `requests/`",
            )
        )
    for each in equivalence.stood_in:
        found.append(
            Diagnostic.at(
                "W0803",
                f"{each.what} failed whenever it was called, so only what stands in for it is proven",
                each.span,
                notes=(each.error,),
                help="correct it, or keep a request in `requests/` that it can answer",
            )
        )
    if equivalence.misfit:
        message = f"`{equivalence.graph}` answers what its annotation does not say: {equivalence.misfit}"
        help_ = "return what is annotated, or annotate what is returned: clients read the OpenAPI made of it"
        found.append(Diagnostic.at("W0804", message, span, help=help_))
    for arm in equivalence.untaken:
        help_ = "keep a request in `requests/` that takes it: nothing shows that it answers the same when fused"
        found.append(Diagnostic.at("W0805", f"no case of the proof took {arm.what}", arm.span, help=help_))
    return tuple(found)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
