"""The several outputs of a model called without `returns=`: read by name, by position or by unpacking."""

from collections.abc import Callable, Iterator, Sequence
from typing import final

from dagc.diagnostics import Diagnostic
from dagc.diagnostics.span import Span
from dagc.diagnostics.suggest import did_you_mean
from dagc.trace.recorder import mistake, recording


@final
class Outputs:
    """Values by output name, in the order of the model's file; the same eagerly and in a graph body."""

    __slots__ = ("_model", "_names", "_unknown", "_values")

    def __init__(
        self, model: str, names: Sequence[str], values: Sequence[object], unknown: Callable[[str], object]
    ) -> None:
        """`unknown` gives what stands for an output that does not exist while a body is recorded."""
        self._model = model
        self._unknown = unknown
        self._names = tuple(names)
        self._values = tuple(values)

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._names:
            recorder = recording()
            mistake(unknown_output(self._model, name, self._names, recorder.here() if recorder else None))
            return self._unknown(name)  # outside a recording the mistake has raised
        return self._values[self._names.index(name)]

    def __getitem__(self, position: int) -> object:
        return self._values[position]

    def __iter__(self) -> Iterator[object]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        pairs = zip(self._names, self._values, strict=True)
        return f"{self._model}({', '.join(f'{name}={value!r}' for name, value in pairs)})"


def unknown_output(model: str, name: str, names: Sequence[str], span: Span | None) -> Diagnostic:
    """E0131, with the nearest name there is."""
    return Diagnostic.at(
        "E0131", f"model `{model}` has no output `{name}`", span, "read here", help=did_you_mean(name, names)
    )
