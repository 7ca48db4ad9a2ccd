"""What a symbolic value is not, as a table: the Python protocol asked for, the code, and what to write instead.

A graph body runs once, at build time, without a request; each of these would silently freeze or invent an answer.
"""

from dataclasses import dataclass

from dagc.diagnostics import Diagnostic
from dagc.diagnostics.span import Span


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing Python may ask of a value and a symbolic value cannot answer."""

    code: str
    asked: str
    help: str

    def at(self, name: str, span: Span | None) -> Diagnostic:
        """The diagnostic for the value called `name`."""
        return Diagnostic.at(
            self.code,
            f"{self.asked} of `{name}` is not known while the graph is built",
            span,
            "asked for here",
            notes=("a graph body runs once, on symbolic values, before there is any request",),
            help=self.help,
        )


_NUMBER = "keep it in tensor arithmetic, or use it in a `@dagc.step`, where it is a number"
_CHANGE = "values of a graph never change: compute a new one, for example with `dagc.where` or in a step"
_AWAIT = "call async steps without `await` in a graph body; the service awaits them"
_COPY = "every use of a value may share it: drop the copy"
_BITS = "only `&` and `|` on truth values exist here; do bit arithmetic in a step"


def _number(protocol: str, help: str = _NUMBER) -> Refusal:
    return Refusal("E0113", f"the `{protocol}`", help)


REFUSALS: dict[str, Refusal] = {
    "__bool__": Refusal(
        "E0110",
        "the truth value",
        "choose with `dagc.route`, with `dagc.where(condition, a, b)` or inside a step; write "
        "`(a < x) & (x < b)` for `a < x < b`, `dagc.maximum` and `dagc.minimum` for `max` and `min`",
    ),
    "__len__": Refusal(
        "E0111", "the length", "sizes stand in the annotation (`f32(30)`); count inside a step what varies"
    ),
    "__iter__": Refusal(
        "E0112",
        "the list of items",
        "call a function for each item of a list with `dagc.each`, index a tensor with constants (`x[0]`), or "
        "loop inside a step, where it is a real value",
    ),
    "__next__": Refusal("E0112", "the next item", "index with constants (`x[0]`), or loop inside a step"),
    "__reversed__": Refusal("E0112", "the reversed order", "reverse it inside a step"),
    "__aiter__": Refusal("E0112", "the list of items", "loop inside an async step; a graph body never waits"),
    "__float__": _number("float"),
    "__int__": _number("int", "use `dagc.cast(x, 'i64')` for a whole number, or a step for a Python `int`"),
    "__index__": _number("index", "gather by a computed position inside a step"),
    "__complex__": _number("complex number", "complex numbers belong inside a step"),
    "__round__": _number("rounded value", "round inside a step, where it is a number"),
    "__trunc__": _number("truncated value", "use `dagc.cast(x, 'i64')`, which truncates"),
    "__floor__": _number("floor", "use `x // 1`, or `math.floor` inside a step"),
    "__ceil__": _number("ceiling", "use `-(-x // 1)`, or `math.ceil` inside a step"),
    "__str__": Refusal("E0114", "the text", "make text inside a step; `repr(x)` shows the symbolic value"),
    "__format__": Refusal(
        "E0114", "the text", "format it inside a step; a formatted symbolic value would freeze into the build"
    ),
    "__bytes__": Refusal("E0114", "the bytes", "encode it inside a step"),
    "__fspath__": Refusal("E0114", "the path", "files are opened inside steps, where it is a real value"),
    "__hash__": Refusal(
        "E0115", "the hash", "a symbolic value is no key of a dict or member of a set; look it up inside a step"
    ),
    "__contains__": Refusal(
        "E0116", "the membership", "compare (`x == 'a'`) and join with `|`, or test `in` inside a step"
    ),
    "__array__": Refusal(
        "E0117", "the NumPy array", "use `dagc.stack`, `dagc.concat` and their like, or NumPy inside a step"
    ),
    "__setitem__": Refusal("E0118", "a place to assign", _CHANGE),
    "__delitem__": Refusal("E0118", "an item to delete", _CHANGE),
    "__setattr__": Refusal("E0118", "an attribute to assign", _CHANGE),
    "__delattr__": Refusal("E0118", "an attribute to delete", _CHANGE),
    "__call__": Refusal(
        "E0119", "the result of a call", "only steps, models and graphs are called; call a method inside a step"
    ),
    "__enter__": Refusal("E0120", "the context", "open resources inside a step with `with`"),
    "__exit__": Refusal("E0120", "the context", "open resources inside a step with `with`"),
    "__aenter__": Refusal("E0120", "the context", "open resources inside an async step with `async with`"),
    "__aexit__": Refusal("E0120", "the context", "open resources inside an async step with `async with`"),
    "__await__": Refusal("E0120", "the awaited result", _AWAIT),
    "__copy__": Refusal("E0122", "a copy", _COPY),
    "__deepcopy__": Refusal("E0122", "a deep copy", _COPY),
    "__reduce_ex__": Refusal("E0122", "the pickled form", "send values to other processes from inside a step"),
    "__xor__": Refusal("E0123", "the bitwise exclusive or", f"write `a != b` for truth values; {_BITS}"),
    "__rxor__": Refusal("E0123", "the bitwise exclusive or", f"write `a != b` for truth values; {_BITS}"),
    "__lshift__": Refusal("E0123", "the left shift", f"multiply by a power of two; {_BITS}"),
    "__rlshift__": Refusal("E0123", "the left shift", _BITS),
    "__rshift__": Refusal("E0123", "the right shift", f"divide with `//` by a power of two; {_BITS}"),
    "__rrshift__": Refusal("E0123", "the right shift", _BITS),
    "__matmul__": Refusal(
        "E0123", "the matrix product", "export it as part of an ONNX model, or multiply inside a step"
    ),
    "__rmatmul__": Refusal(
        "E0123", "the matrix product", "export it as part of an ONNX model, or multiply inside a step"
    ),
}
"""By the name of the special method."""

METHODS: dict[str, str] = {
    "sum": "write `dagc.total(x, axis=...)`",
    "mean": "write `dagc.average(x, axis=...)`",
    "max": "write `dagc.highest(x, axis=...)`",
    "min": "write `dagc.lowest(x, axis=...)`",
    "argmax": "write `dagc.argmax(x, axis=...)`",
    "astype": "write `dagc.cast(x, 'f32')`",
    "clip": "write `dagc.clip(x, low, high)`",
    "item": "give it to a step whose parameter is annotated `float`; it arrives as a number",
    "shape": "sizes stand in the annotation (`f32(30)`); ask for the shape inside a step",
    "dtype": "the dtype stands in the annotation; change it with `dagc.cast(x, 'f32')`",
    "reshape": "reshape inside a step, or in the model",
    "T": "transpose inside a step, or in the model",
}
"""What to write for NumPy's methods and attributes, which the type checker lets pass on an annotated tensor."""

FUNCTIONS: dict[str, str] = {
    "absolute": "abs", "exp": "dagc.exp", "log": "dagc.log", "sqrt": "dagc.sqrt",
    "clip": "dagc.clip", "where": "dagc.where", "argmax": "dagc.argmax",
    "stack": "dagc.stack", "concatenate": "dagc.concat", "concat": "dagc.concat", "hstack": "dagc.concat",
    "sum": "dagc.total", "mean": "dagc.average", "max": "dagc.highest", "min": "dagc.lowest",
    "amax": "dagc.highest", "amin": "dagc.lowest", "average": "dagc.average",
    "logical_and": "a & b", "logical_or": "a | b", "logical_not": "~x", "negative": "-x",
}  # fmt: skip
"""What to write for NumPy's functions."""
