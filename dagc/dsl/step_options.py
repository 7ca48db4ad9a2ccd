"""Options of a step: how long a service waits for it, how often it tries, and what stands in for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dagc.dsl.annotations import AnnotationError, Contract, contract
from dagc.dsl.references import Reference, reference_key, reference_problem
from dagc.dsl.times import seconds
from dagc.ir.agree import disagreement
from dagc.ir.ops import Guard

MOST_RETRIES = 5

Mistake = tuple[str, str, str]
"""A code, a message and what to do."""


@dataclass(frozen=True, slots=True)
class StepOptions:
    """What `@dagc.step(...)` was given."""

    timeout_s: float | None = None
    retries: int = 0
    fallback: Callable[[], object] | None = None

    def guard(self) -> Guard | None:
        """The options as a graph holds them; nothing where there are none."""
        if self == StepOptions():
            return None
        fallback = None if self.fallback is None else reference_key(self.fallback)
        return Guard(None if self.timeout_s is None else float(self.timeout_s), self.retries, fallback)

    def mistakes(self, step: str, declared: Contract) -> Iterator[Mistake]:
        """E0196 for a time or a number that is none, E0198 and E0331 for a fallback that cannot stand in."""
        timeout, retries = self.timeout_s, self.retries
        if timeout is not None and not seconds(timeout):
            message = f"`timeout_s` of step `{step}` is no time: it is `{timeout!r}`"
            yield "E0196", message, "write seconds above 0: `timeout_s=0.05`"
        if not isinstance(retries, int) or isinstance(retries, bool) or not 0 <= retries <= MOST_RETRIES:
            message = f"`retries` of step `{step}` is a whole number from 0 to {MOST_RETRIES}, not `{retries!r}`"
            yield "E0196", message, "write `retries=1` for a step that may run twice"
        if not declared.is_async and (timeout is not None or retries):
            given = "timeout_s" if timeout is not None else "retries"
            message = (
                f"step `{step}` has `{given}`, and runs at once: nothing can end it early or try again meanwhile"
            )
            yield "E0196", message, "make it an `async` function that awaits the world, or leave it out"
        if self.fallback is not None:
            yield from _fallback_mistakes(step, declared, self.fallback)


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
