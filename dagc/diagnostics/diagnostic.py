"""One finding about a user's graph: a code, one sentence, the places it is about, and what to do."""

from dataclasses import dataclass
from typing import Literal

from dagc.diagnostics.span import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Label:
    """A span with a few words under it; the primary label is where the user has to look first."""

    span: Span
    text: str = ""
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A coded finding.

    `code` is `E` or `W` and four digits; its page is `explain/<code>.md`. `message` states the fact in lower
    case without a final stop; `notes` say how the compiler knows; `help` proposes what to change.
    """

    code: str
    message: str
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None

    @property
    def severity(self) -> Severity:
        """`error` for codes that stop a build, `warning` for the others."""
        return "error" if self.code.startswith("E") else "warning"

    @property
    def span(self) -> Span | None:
        """The primary span, else the first, else nothing (a diagnostic about the world, not a file)."""
        primary = next((label.span for label in self.labels if label.primary), None)
        return primary or (self.labels[0].span if self.labels else None)

    @classmethod
    def at(
        cls,
        code: str,
        message: str,
        span: Span | None,
        label: str = "",
        *,
        others: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: str | None = None,
    ) -> "Diagnostic":
        """A diagnostic whose primary label is `span`, with `others` as further places."""
        primary = (Label(span, label, primary=True),) if span else ()
        return cls(code, message, primary + others, notes, help)
