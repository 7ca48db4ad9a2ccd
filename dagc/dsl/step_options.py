"""Options of a step: where it runs, how long a service waits for it, how often it tries, what stands in for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import get_args

from dagc.dsl.annotations import AnnotationError, Contract, contract
from dagc.dsl.crossing import crossing_mistakes
from dagc.dsl.references import Reference, reference_key, reference_problem
from dagc.dsl.times import seconds
from dagc.ir.agree import disagreement
from dagc.ir.ops import Guard, RunsIn

MOST_RETRIES = 5

Mistake = tuple[str, str, str]
"""A code, a message and what to do."""


@dataclass(frozen=True, slots=True)
class StepOptions:
    """What `@dagc.step(...)` was given."""

    timeout_s: float | None = None
    retries: int = 0
    fallback: Callable[[], object] | None = None
    run: RunsIn = "inline"
    batch: bool = False

    def guard(self) -> Guard | None:
        """The options as a graph holds them; nothing where there are none."""
        if (self.timeout_s, self.retries, self.fallback) == (None, 0, None):
            return None
        fallback = None if self.fallback is None else reference_key(self.fallback)
        return Guard(None if self.timeout_s is None else float(self.timeout_s), self.retries, fallback)

    def mistakes(self, step: str, declared: Contract) -> Iterator[Mistake]:
        """E0196 for a time or a number that is none, E0198 and E0331 for a fallback that cannot stand in.

        E0167 for a place where it cannot run, E0169 for values that cannot go to another process.
        """
        timeout, retries = self.timeout_s, self.retries
        if timeout is not None and not seconds(timeout):
            message = f"`timeout_s` of step `{step}` is no time: it is `{timeout!r}`"
            yield "E0196", message, "write seconds above 0: `timeout_s=0.05`"
        if not isinstance(retries, int) or isinstance(retries, bool) or not 0 <= retries <= MOST_RETRIES:
            message = f"`retries` of step `{step}` is a whole number from 0 to {MOST_RETRIES}, not `{retries!r}`"
            yield "E0196", message, "write `retries=1` for a step that may run twice"
        if not declared.is_async and self.run == "inline" and (timeout is not None or retries):
            given = "timeout_s" if timeout is not None else "retries"
            message = (
                f"step `{step}` has `{given}`, and runs at once: nothing can end it early or try again meanwhile"
            )
            help = 'make it an `async` function that awaits the world, or give it `run="thread"`'
            yield "E0196", message, help
        yield from self._place_mistakes(step, declared)
        if self.fallback is not None:
            yield from _fallback_mistakes(step, declared, self.fallback)

    def _place_mistakes(self, step: str, declared: Contract) -> Iterator[Mistake]:
        if self.run not in get_args(RunsIn):
            message = f"`run` of step `{step}` is no place where a step runs: it is `{self.run!r}`"
            yield "E0167", message, 'write `run="thread"` or `run="process"`, or leave it out'
        elif declared.is_async and self.run != "inline":
            message = f'step `{step}` is async, and has `run="{self.run}"`: async steps run on the event loop'
            yield "E0167", message, f"leave `run` out, or write `{step}` with a plain `def`"
        elif self.run == "process":
            yield from crossing_mistakes(step, declared)


def _fallback_mistakes(step: str, declared: Contract, fallback: Callable[[], object]) -> Iterator[Mistake]:
    title = f"`fallback` of step `{step}`"
    example = f"def no_{step}() -> ...: ..."
    if (problem := reference_problem(fallback, Reference(title, 0, example))) is not None:
        yield "E0198", *problem
        return
    plain = getattr(fallback, "function", fallback)
    try:
        given = contract(plain).returns
    except AnnotationError as error:
        yield "E0331", f"what {title} gives is not known: {error.message}", "annotate its result as the step's"
        return
    if (found := disagreement(given, declared.returns)) is not None:
        message = f"{title} gives `{given}`, and the step `{declared.returns}`: {found}"
        yield "E0331", message, f"let it return `{declared.returns}`"
