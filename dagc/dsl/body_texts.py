"""The mistakes a graph body can make, in words: for each code what it says and what it proposes.

In the texts `{what}` is the user's own expression. The codes are those of mistakes seen in the source; what only
shows when the body runs is in `refusals.py`.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from dagc.diagnostics import Diagnostic, Label, Span

_LATER = "is not known while the graph is built"
_WHERE = (
    "run one of two with `dagc.route((condition, lambda: a), otherwise=lambda: b)`, compute both and choose with "
    "`dagc.where(condition, a, b)`, or decide inside a step"
)
_SWITCH = "write `dagc.switch(x, {{'a': lambda: f(x)}}, default=lambda: g(x))`, or decide inside a step"


@dataclass(frozen=True, slots=True)
class Text:
    """What a code says: the message, the words under the place, and the proposal."""

    message: str
    label: str
    help: str


_A_VALUE = "a value of the request"

TEXTS: dict[str, Text] = {
    "E0140": Text(f"`if` asks for the truth of `{{what}}`, which {_LATER}", _A_VALUE, _WHERE),
    "E0141": Text(f"`... if ... else ...` asks for the truth of `{{what}}`, which {_LATER}", _A_VALUE, _WHERE),
    "E0142": Text(f"`while` asks for the truth of `{{what}}`, which {_LATER}", _A_VALUE, "loop inside a step"),
    "E0143": Text(
        f"`assert` asks for the truth of `{{what}}`, which {_LATER}",
        _A_VALUE,
        "check it inside a step and raise there",
    ),
    "E0144": Text(
        f"`{{word}}` asks for the truth of its left side, which {_LATER}",
        "an operand is a value of the request",
        "write `{sign}` with each comparison in parentheses: `(a > 0) {sign} (b > 0)`",
    ),
    "E0145": Text(
        f"`not` asks for the truth of `{{what}}`, which {_LATER}",
        _A_VALUE,
        "write `~x` for a tensor, `x == False` for a Python truth value, or turn the comparison around",
    ),
    "E0146": Text(
        "`{word}` looks at the symbolic value `{what}`, never at the value of a request",
        "the same for every request",
        "compare with `==`; whether a value is `None` is asked inside a step",
    ),
    "E0147": Text(
        f"`{{word}}` asks for the truth of comparisons with `{{what}}`, which {_LATER}",
        _A_VALUE,
        "compare and join: `(x == 'a') | (x == 'b')`, or ask inside a step",
    ),
    "E0148": Text(
        f"a chained comparison asks for the truth of its first half, which {_LATER}",
        "two comparisons joined by `and`",
        "write `(low < x) & (x < high)`",
    ),
    "E0149": Text(
        "`{word}` looks at the symbolic value `{what}`, never at the value of a request",
        "the same for every request",
        "{instead}",
    ),
    "E0150": Text(
        f"this text is made of `{{what}}`, which {_LATER}",
        "the same text for every request",
        "make the text inside a step",
    ),
    "E0151": Text(f"`{{word}}` needs the value of `{{what}}`, which {_LATER}", _A_VALUE, "{instead}"),
    "E0152": Text(
        "`for` goes through `{what}`, whose items are not known while the graph is built",
        _A_VALUE,
        "write `dagc.each(x, lambda item: f(item), max_items=64)` for a list; loop inside a step, or index a "
        "tensor with constants: `x[0]`, `x[1]`",
    ),
    "E0153": Text(
        "a comprehension goes through `{what}`, whose items are not known while the graph is built",
        _A_VALUE,
        "write `dagc.each(x, lambda item: f(item), max_items=64)` for a list; loop inside a step, or index a "
        "tensor with constants: `[f(x[0]), f(x[1])]`",
    ),
    "E0154": Text(
        "`try` in a graph body sees nothing of what happens in a request",
        "runs once, while the graph is built",
        "handle the error inside the step that may raise it",
    ),
    "E0155": Text(f"`match` looks into `{{what}}`, which {_LATER}", _A_VALUE, _SWITCH),
    "E0156": Text(
        "`with` in a graph body opens and closes before there is any request",
        "runs once, while the graph is built",
        "open `{what}` inside the step that uses it",
    ),
    "E0157": Text(
        "`del` of `{what}` changes nothing in the service",
        "a value of the request",
        "remove the line: a value lives as long as something needs it",
    ),
    "E0158": Text(
        "`{word}` makes the graph body change `{what}` while the graph is built, not in a request",
        "runs once, while the graph is built",
        "give values through parameters and results; a step may keep state",
    ),
    "E0159": Text(
        "a graph body only says what flows where: `{word}` has no place in it",
        "runs once, while the graph is built",
        "{instead}",
    ),
    "E0160": Text(
        "`{what}` is made while the graph is built, of values that are not there yet",
        "made of values of the request",
        "declare `{name} = dagc.step({cls})` beside the graph and call `{name}(...)` here",
    ),
    "E0161": Text(
        "`{word}` computes at once, and `{what}` has no value while the graph is built", _A_VALUE, "{twin}"
    ),
    "E0162": Text(
        "`{what}` is assigned to, and values of a graph never change",
        "a value of the request",
        "make a new value, with `dagc.where` or inside a step",
    ),
    "E0163": Text(
        "`*{what}` unpacks a value whose length is not known while the graph is built",
        _A_VALUE,
        "index with constants: `x[0]`, `x[1]`; a step that returns a tuple can be unpacked",
    ),
    "E0164": Text(
        f"`{{what}}` is used as {{word}}, and its value {_LATER}",
        _A_VALUE,
        "look it up inside a step",
    ),
    "E0165": Text(
        "the default of `{what}` is one object that all requests would share",
        "made once, when the file is read",
        "use a constant, a tuple or `None`, or a record whose field has the default",
    ),
    "E0187": Text(
        "`{what}` gives {word} once, while the graph is built, and the same to every request",
        "answered before there is any request",
        "do it inside a step, which runs for every request",
    ),
    "E0166": Text("`{word}` {verb} `{what}`, {whose} not known while the graph is built", _A_VALUE, "{instead}"),
}


WAITING = {
    "async def": "write `def`, and no `await`: the service awaits async steps by itself",
    "yield": "return the whole value",
}
"""The proposals of E0159."""


@dataclass(slots=True)
class Mistakes:
    """Collects the findings of one file; columns are counted in characters as editors do."""

    source: str
    file: str
    _lines: list[bytes] = field(default_factory=list)
    _found: dict[tuple[str, Span], Diagnostic] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Split the source as the parser counts lines."""
        self._lines = self.source.encode().splitlines(keepends=True)

    def add(
        self,
        code: str,
        place: ast.expr | Span,
        *,
        what: ast.expr | str = "",
        others: tuple[Label, ...] = (),
        **words: str,
    ) -> None:
        """Take a mistake at a place once, said of `what` (the place itself if not given)."""
        span = place if isinstance(place, Span) else self.span(place)
        if what == "" and isinstance(place, ast.expr):
            what = place
        if code == "E0159":
            words["instead"] = WAITING[words["word"]]
        words["what"] = what if isinstance(what, str) else shortened(what)
        text = TEXTS[code]
        message, help = text.message.format_map(words), text.help.format_map(words)
        found = Diagnostic.at(code, message, span, text.label, others=others, help=help)
        self._found.setdefault((code, span), found)

    def span(self, node: ast.expr | ast.stmt | ast.pattern, length: int | None = None) -> Span:
        """The place of a node, or of its first `length` characters."""
        column = self._column(node.lineno, node.col_offset)
        if length is not None:
            return Span(self.file, node.lineno, column, node.lineno, column + length)
        last = node.end_lineno or node.lineno
        return Span(self.file, node.lineno, column, last, self._column(last, node.end_col_offset or 0))

    def in_order(self) -> Iterator[Diagnostic]:
        """All findings as they stand in the file."""
        yield from (self._found[key] for key in sorted(self._found, key=lambda key: (key[1], key[0])))

    def _column(self, line: int, offset: int) -> int:
        text = self._lines[line - 1] if line <= len(self._lines) else b""
        return len(text[:offset].decode(errors="replace")) + 1


def shortened(node: ast.expr) -> str:
    """The expression as source text of at most 40 characters."""
    text = ast.unparse(node)
    return text if len(text) <= 40 else f"{text[:37]}..."


def is_text(node: ast.expr) -> bool:
    """Whether the expression is text written here."""
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
