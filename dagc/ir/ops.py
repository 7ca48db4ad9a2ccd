"""What a node can do by itself: final classes. Axes count within one example, from 0 or from -1.

Operations that own graphs stand with the graph (`graph.py`), and the closed union of all of them.
"""

from dataclasses import dataclass
from typing import Literal, NewType, final, get_args

from dagc.diagnostics import Span
from dagc.ir.types import DType, Type

ModelKey = NewType("ModelKey", str)
"""SHA-256 of a model's bytes, in hex; the bytes live in a `ModelStore`."""


@final
@dataclass(frozen=True, slots=True)
class RunModel:
    """One ONNX model on one example.

    The node's inputs follow `feeds` and its outputs follow `fetches` (the model's own names). `parts` names the
    user's models and expressions this one stands for: one name before fusion, several after. `barrier` is the
    reason, in words, why it may not be fused with a neighbour. `reload` is the name under which another file may
    take its place in a running service: its bytes stay the user's then, and its session its own.
    """

    model: ModelKey
    feeds: tuple[str, ...]
    fetches: tuple[str, ...]
    parts: tuple[str, ...]
    barrier: str | None = None
    reload: str | None = None


@final
@dataclass(frozen=True, slots=True)
class Guard:
    """How long each of `1 + retries` attempts at a step may take, and the function that stands in where all fail.

    The function is the user's, as (module, qualified name), and takes nothing.
    """

    timeout_s: float | None = None
    retries: int = 0
    fallback: tuple[str, str] | None = None


ResourceKind = Literal["sql", "keyvalue", "http"]


@final
@dataclass(frozen=True, slots=True)
class ResourceUse:
    """A database, key-value store or other service that a step asks for by a parameter which is no input.

    `setting` names the setting with its URL, `default` is what stands there without it. It is the user's
    `module.name`, declared at `span`.
    """

    parameter: str
    setting: str
    kind: ResourceKind
    module: str
    name: str
    default: str | None
    span: Span | None


RunsIn = Literal["inline", "thread", "process"]
"""Where a Python step runs: on the event loop, in a thread beside it, or in a process of its own."""


@final
@dataclass(frozen=True, slots=True)
class CallStep:
    """A Python step. `parameters` and `expects` (their declared types) follow the node's inputs.

    With `batch` the function takes a list for each parameter and returns a list, and the node is one item of it.
    """

    module: str
    qualname: str
    parameters: tuple[str, ...]
    expects: tuple[Type, ...]
    is_async: bool = False
    guard: Guard | None = None
    run: RunsIn = "inline"
    batch: bool = False
    resources: tuple[ResourceUse, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether a request waits for it while others go on."""
        return self.is_async or self.run != "inline"


@final
@dataclass(frozen=True, slots=True)
class Field:
    """A member of a record."""

    name: str


@final
@dataclass(frozen=True, slots=True)
class Item:
    """A one-element tensor as the Python value it holds (`Tensor -> Scalar`)."""


@final
@dataclass(frozen=True, slots=True)
class AsTensor:
    """A Python number, string or truth value as a tensor of one element, rounded to `dtype`."""

    dtype: DType
    dims: tuple[int, ...]


@final
@dataclass(frozen=True, slots=True)
class Constant:
    """A value written in the graph body: a Python scalar, or a tensor's elements in row-major order."""

    values: tuple[int | float | str | bool, ...]
    type: Type


@final
@dataclass(frozen=True, slots=True)
class Collect:
    """Values in their order as a Python list, of one type, or as a tuple."""

    into: Literal["list", "tuple"] = "list"


ElementwiseKind = Literal[
    "add", "sub", "mul", "div", "floordiv", "mod", "pow", "neg", "abs", "exp", "log", "sqrt",
    "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "where", "min", "max", "mean",
]  # fmt: skip


@final
@dataclass(frozen=True, slots=True)
class Elementwise:
    """Element by element with NumPy's broadcasting. `where` takes 3 inputs, `min`, `max` and `mean` any number."""

    kind: ElementwiseKind


@final
@dataclass(frozen=True, slots=True)
class Cast:
    """The same elements in another dtype."""

    dtype: DType


ReduceKind = Literal["sum", "mean", "min", "max"]


@final
@dataclass(frozen=True, slots=True)
class Reduce:
    """A reduction over one axis of an example, or over all of them (`axis=None`)."""

    kind: ReduceKind
    axis: int | None


@final
@dataclass(frozen=True, slots=True)
class ArgMax:
    """The first index of the largest element along `axis`, as `i64`."""

    axis: int


@final
@dataclass(frozen=True, slots=True)
class Softmax:
    """`exp(x) / sum(exp(x))` along `axis`."""

    axis: int


@final
@dataclass(frozen=True, slots=True)
class Normalise:
    """`x / max(sqrt(sum(x * x)), 1e-12)` along `axis`; a row of zeros stays zeros."""

    axis: int


@final
@dataclass(frozen=True, slots=True)
class TopK:
    """The `k` largest along the last axis, largest first: outputs are values and `i64` indices."""

    k: int


@final
@dataclass(frozen=True, slots=True)
class Concat:
    """Tensors joined along an existing axis."""

    axis: int


@final
@dataclass(frozen=True, slots=True)
class Stack:
    """Tensors of one shape joined along a new axis."""

    axis: int


@final
@dataclass(frozen=True, slots=True)
class Slice:
    """`start:stop` along one axis, as Python slices; `None` is an open end."""

    start: int | None
    stop: int | None


@final
@dataclass(frozen=True, slots=True)
class Index:
    """`x[i, j:k]`: an integer drops its axis, a slice keeps it; axes not named are kept whole."""

    items: tuple[int | Slice, ...]


@final
@dataclass(frozen=True, slots=True)
class Vote:
    """The most frequent of several class labels; on a tie the smallest label, or the earliest voter's."""

    ties: Literal["lowest", "first"]


@final
@dataclass(frozen=True, slots=True)
class CallPart:
    """Nodes of the graph that another service runs; only the cut into services makes it.

    The node's inputs and outputs are those of the part. A call that `may_repeat` does nothing to the world that
    would be worse when done twice.
    """

    service: str
    part: str
    may_repeat: bool


Expression = Elementwise | Cast | Reduce | ArgMax | Softmax | Normalise | TopK | Concat | Stack | Index | Vote
"""Arithmetic written in a graph body: all of it becomes ONNX operators."""


def expression_word(op: Expression) -> str:
    """The expression in one word: `mean`, `top_k`, `argmax`."""
    return op.kind if isinstance(op, Elementwise | Reduce) else _class_word(type(op))


def _class_word(kind: type) -> str:
    return "top_k" if kind is TopK else kind.__name__.lower()


EXPRESSION_WORDS = frozenset({*get_args(ElementwiseKind), *get_args(ReduceKind)}) | frozenset(
    _class_word(kind) for kind in get_args(Expression) if kind not in (Elementwise, Reduce)
)
"""What expressions are called among the parts of a model."""
