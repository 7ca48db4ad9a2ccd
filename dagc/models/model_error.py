"""What is wrong with a model file, as a code and words; the room that knows the user's line adds the span."""

from dagc.diagnostics import Diagnostic, Span

PROTOBUF_LIMIT_BYTES = 2**31 - 1
"""A protobuf message cannot be larger; ONNX keeps more than that in external data."""


class ModelError(Exception):
    """A model cannot be used. `code` is one of E0401 to E0416, E0460 and E0461."""

    def __init__(self, code: str, message: str, notes: tuple[str, ...] = (), help: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.notes = notes
        self.help = help

    def at(self, span: Span | None, label: str = "") -> Diagnostic:
        """The same finding at a place of the user's file."""
        return Diagnostic.at(self.code, self.message, span, label, notes=self.notes, help=self.help)


def unreadable(name: str, reason: str) -> ModelError:
    """E0402 with what is wrong with the bytes."""
    return ModelError(
        "E0402",
        f"`{name}` is not a readable ONNX model",
        (reason,),
        "dagc serves ONNX files only: convert the model, and check that the download is complete",
    )


def too_large(name: str) -> ModelError:
    """E0402 for what one message cannot hold."""
    return ModelError(
        "E0402",
        f"`{name}` holds more than 2 GiB with its external data",
        ("a model travels as one protobuf message, which ends at 2 GiB",),
        "quantise the model, or split it in two",
    )
