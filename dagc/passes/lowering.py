"""One run of `lower-expressions` over a graph: the nodes made so far, and which scalars exist as tensors."""

from dataclasses import replace

from dagc.diagnostics import CompileError, Diagnostic, Span
from dagc.ir.conditions import conditions
from dagc.ir.edit import substitute, unused_name, with_nodes
from dagc.ir.graph import Graph, Node, NodeName, Value, ValueId
from dagc.ir.infer import Mismatch, infer, operand_dtypes
from dagc.ir.ops import (
    AsTensor,
    Cast,
    Constant,
    Expression,
    Index,
    Item,
    ModelKey,
    RunModel,
    Stack,
    expression_word,
)
from dagc.ir.placement import Placement
from dagc.ir.promotion import FLOATS, NUMBERS, SCALAR_DTYPES, operand
from dagc.ir.types import DType, Scalar, Tensor, Type
from dagc.models.lower import LoweringNeeds, LoweringRefused, lower
from dagc.models.store import ModelStore

Spans = tuple[Span, ...]

DEFAULT_OPSET = 17
"""What graphs without models are lowered to: old enough for every runtime in use, and most exporters' default."""


class Lowering:
    """Reads the nodes of a graph in order and writes them again, expressions as models."""

    def __init__(self, graph: Graph, store: ModelStore, opset: int | None) -> None:
        """`opset` is the one to keep to; `None` lets each expression raise it for itself alone."""
        self._graph = graph
        self._store = store
        self._types: dict[ValueId, Type] = graph.types()
        self._taken: set[str] = {*(node.name for node in graph.nodes), *self._types}
        self._nodes: list[Node] = []
        self._constants: dict[ValueId, Constant] = {}
        self._tensors: dict[ValueId, ValueId] = {}  # Python scalars that a tensor holds, by their value
        self._placement: Placement | None = None  # of the node that is being read
        self._wrapped: dict[tuple[ValueId, DType, tuple[int, ...], Placement | None], ValueId] = {}
        self._same: dict[ValueId, ValueId] = {}
        self._lowered: dict[object, ModelKey] = {}
        self._opset = opset or newest_opset(graph, store) or DEFAULT_OPSET
        self._keeps_opset = opset is not None
        self._python = conditions(graph)

    def lowered(self) -> Graph:
        """The graph without expressions; the very same graph when it has none.

        Raises:
            LoweringNeeds: the opset to keep to lacks an operator.
            CompileError: E0207, an expression has no ONNX form.
        """
        for node in self._graph.nodes:
            self._read(node)
        return substitute(with_nodes(self._graph, self._nodes), self._same)

    def _read(self, node: Node) -> None:
        self._placement = node.placement
        match node.op:
            case Constant():
                self._constants[node.outputs[0].id] = node.op
                self._nodes.append(node)
            case Item():
                self._tensors[node.outputs[0].id] = node.inputs[0]
                self._nodes.append(node)
            case AsTensor() if node.inputs[0] in self._tensors:
                self._stay_tensor(node, node.op)
            case op if isinstance(op, Expression) and node.name not in self._python:
                self._lower(node, op)
            case _:
                self._nodes.append(node)

    def _lower(self, node: Node, op: Expression) -> None:
        """The expression as a model between its conversions."""
        given = tuple(self._types[value] for value in node.inputs)
        dtypes = operand_dtypes(op, given)
        fixed = self._fixed(node)
        fed = [i for i in range(len(given)) if i not in fixed]
        inputs = tuple(self._operand(node, i, dtypes[i]) for i in fed)
        tensors = [_as_tensor_type(type, dtype) for type, dtype in zip(given, dtypes, strict=True)]
        results = tuple(self._result(value) for value in node.outputs)
        types = tuple(value.type for value in results if isinstance(value.type, Tensor))
        for place, value in zip(fed, inputs, strict=True):
            tensors[place] = self._tensor_type(value)
        model = self._model(node, op, tuple(tensors), types, fixed)
        feeds = tuple(f"in{i}" for i in fed)
        fetches = tuple(f"out{i}" for i in range(len(results)))
        self._add(
            replace(
                node, op=RunModel(model, feeds, fetches, (expression_word(op),)), inputs=inputs, outputs=results
            )
        )
        for own, result in zip(node.outputs, results, strict=True):
            if own is not result:
                self._tensors[own.id] = result.id
                self._add(
                    Node(self._name(f"{own.id}_item"), Item(), (result.id,), (own,), node.spans, node.placement)
                )

    def _fixed(self, node: Node) -> dict[int, Constant]:
        """The operands that become part of the model; one of all-constant operands stays an input."""
        found = {i: self._constants[v] for i, v in enumerate(node.inputs) if v in self._constants}
        if len(found) == len(node.inputs):
            del found[0]
        return {i: replace(c, type=operand(c.type)) for i, c in found.items()}

    def _operand(self, node: Node, place: int, dtype: DType) -> ValueId:
        """A tensor holding the operand: itself, the one a model made, or a new conversion."""
        value = node.inputs[place]
        if isinstance(self._types[value], Tensor):
            return value
        held = self._held(value, dtype, (), node.spans)
        if held is not None:
            return held
        key = (value, dtype, (), self._placement)
        if key not in self._wrapped:
            wrapped = Value(self._id(f"{value}_{dtype}"), Tensor(dtype, ()))
            op = AsTensor(dtype, ())
            self._add(Node(self._name(wrapped.id), op, (value,), (wrapped,), node.spans, self._placement))
            self._wrapped[key] = wrapped.id
        return self._wrapped[key]

    def _result(self, value: Value) -> Value:
        if isinstance(value.type, Tensor):
            return value
        kind = operand(value.type)
        dtype = SCALAR_DTYPES[kind.kind] if isinstance(kind, Scalar) else kind.dtype
        return Value(self._id(f"{value.id}_{dtype}"), Tensor(dtype, ()), value.span)

    def _stay_tensor(self, node: Node, op: AsTensor) -> None:
        """`AsTensor` of what a model made: a cast and a reshape instead of a trip through Python."""
        held = self._held(node.inputs[0], op.dtype, op.dims, node.spans)
        if held is None:
            self._nodes.append(node)
        else:
            self._same[node.outputs[0].id] = held

    def _held(self, scalar: ValueId, dtype: DType, dims: tuple[int, ...], spans: Spans) -> ValueId | None:
        """The Python scalar as a tensor if a model made it, or `None` where only a conversion gives the same.

        A whole number that does not fit a smaller dtype is refused by a conversion and wrapped around by a cast.
        """
        if scalar not in self._tensors:
            return None
        source = self._tensors[scalar]
        type = self._tensor_type(source)
        castable = dtype is type.dtype or (dtype in FLOATS and type.dtype in NUMBERS)
        if not castable or type.dims is None or any(size != 1 for size in type.dims):
            return None
        key = (scalar, dtype, dims, self._placement)
        if key not in self._wrapped:
            value = source if dtype is type.dtype else self._apply(Cast(dtype), source, spans)
            extra = len(dims) - len(type.dims)
            if extra < 0:
                value = self._apply(Index((0,) * -extra), value, spans)
            for _ in range(extra):
                value = self._apply(Stack(0), value, spans)
            self._wrapped[key] = value
        return self._wrapped[key]

    def _apply(self, op: Expression, value: ValueId, spans: Spans) -> ValueId:
        """The result of a new expression of one tensor, already lowered."""
        types = infer(op, (self._types[value],))
        if isinstance(types, Mismatch):
            raise TypeError(types.message)
        result = Value(self._id(f"{value}_{expression_word(op)}"), types[0])
        self._types[result.id] = result.type
        self._lower(Node(self._name(result.id), op, (value,), (result,), spans, self._placement), op)
        return result.id

    def _model(
        self,
        node: Node,
        op: Expression,
        inputs: tuple[Tensor, ...],
        outputs: tuple[Tensor, ...],
        fixed: dict[int, Constant],
    ) -> ModelKey:
        key = (repr(op), inputs, outputs, repr(fixed))
        if key not in self._lowered:
            self._lowered[key] = self._store.add(self._bytes(node, op, inputs, outputs, fixed))
        return self._lowered[key]

    def _bytes(
        self,
        node: Node,
        op: Expression,
        inputs: tuple[Tensor, ...],
        outputs: tuple[Tensor, ...],
        fixed: dict[int, Constant],
    ) -> bytes:
        try:
            return self._at_opset(op, inputs, outputs, fixed)
        except LoweringRefused as refused:
            raise CompileError.of(
                Diagnostic.at(
                    "E0207",
                    f"`{node.outputs[0].id}` cannot be computed inside a model: {refused}",
                    node.spans[0],
                    "this expression",
                    help="compute it in a step, which is plain Python",
                )
            ) from refused

    def _at_opset(
        self, op: Expression, inputs: tuple[Tensor, ...], outputs: tuple[Tensor, ...], fixed: dict[int, Constant]
    ) -> bytes:
        try:
            return lower(op, inputs, outputs, constants=fixed, opset=self._opset)
        except LoweringNeeds as needed:
            if self._keeps_opset:
                raise
            return lower(op, inputs, outputs, constants=fixed, opset=needed.opset)

    def _tensor_type(self, value: ValueId) -> Tensor:
        type = self._types[value]
        if not isinstance(type, Tensor):
            raise TypeError(f"value `{value}` is `{type}`, not a tensor")
        return type

    def _add(self, node: Node) -> None:
        self._nodes.append(node)
        self._types |= {value.id: value.type for value in node.outputs}

    def _id(self, stem: str) -> ValueId:
        return ValueId(self._name(stem))

    def _name(self, stem: str) -> NodeName:
        name = unused_name(stem, self._taken)
        self._taken.add(name)
        return NodeName(name)


def newest_opset(graph: Graph, store: ModelStore) -> int | None:
    """The newest opset among the graph's models, `None` when it has none."""
    opsets = (store.signature(node.op.model).opset for node in graph.nodes if isinstance(node.op, RunModel))
    return max(opsets, default=None)


def _as_tensor_type(type: Type, dtype: DType) -> Tensor:
    return type if isinstance(type, Tensor) else Tensor(dtype, ())
