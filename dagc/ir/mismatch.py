"""Why an operation does not accept its operands, as data; `infer` returns it and a rule raises it inside."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A refusal of `infer`: the diagnostic code, the fact in one sentence and what to change."""

    code: str
    message: str
    help: str | None = None


class RefusedError(Exception):
    """Carries a `Mismatch` from a typing rule up to `infer`, which is the only place that catches it."""

    def __init__(self, code: str, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.mismatch = Mismatch(code, message, help)
