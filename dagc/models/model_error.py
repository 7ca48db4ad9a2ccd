"""What is wrong with a model file, as a code and words; the room that knows the user's line adds the span."""

from dagc.diagnostics import Diagnostic, Span


class ModelError(Exception):
    """A model cannot be used. `code` is one of E0401 to E0409."""

    def __init__(self, code: str, message: str, notes: tuple[str, ...] = (), help: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.notes = notes
        self.help = help

    def at(self, span: Span | None, label: str = "") -> Diagnostic:
        """The same finding at a place of the user's file."""
        return Diagnostic.at(self.code, self.message, span, label, notes=self.notes, help=self.help)
