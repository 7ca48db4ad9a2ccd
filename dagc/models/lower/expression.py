"""`lower`: from one expression of the IR to a checked ONNX model, by the family the expression belongs to."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, assert_never

from dagc.ir.ops import (
    ArgMax,
    Cast,
    Concat,
    Constant,
    Elementwise,
    Expression,
    Index,
    Normalise,
    Reduce,
    Softmax,
    Stack,
    TopK,
    Vote,
)
from dagc.ir.types import DType, Tensor
from dagc.models.dtypes import to_onnx
from dagc.models.lower.axes import argmax, normalise, reduce, softmax, top_k
from dagc.models.lower.elementwise import elementwise
from dagc.models.lower.emitter import (
    OLDEST_OPSET,
    Emitter,
    Fixed,
    LoweringNeeds,
    LoweringRefused,
    Operand,
    Row,
    first_row,
)
from dagc.models.lower.layout import concat, index, stack
from dagc.models.lower.vote import vote
from dagc.models.proto import canonical_bytes

if TYPE_CHECKING:
    import onnx

_OLDEST_IR = 8


def lower(
    op: Expression,
    inputs: tuple[Tensor, ...],
    outputs: tuple[Tensor, ...],
    *,
    constants: Mapping[int, Constant] | None = None,
    opset: int = 17,
) -> bytes:
    """A model of the expression: inputs `in0`, `in1`, ... and outputs `out0`, ..., all with the batch in axis 0.

    `inputs` and `outputs` are the types of one example. Input i of `constants` is no input of the model but an
    initializer without a batch axis. Only the default domain is used, at exactly `opset`. In a float tensor a
    NaN counts as the largest element for `argmax`, as in NumPy, but is not told from an infinity.

    Raises:
        LoweringNeeds: `opset` lacks an operator; try again with the opset it names.
        LoweringRefused: there is no ONNX form, for the reason it says.
    """
    if opset < OLDEST_OPSET:
        raise LoweringNeeds(OLDEST_OPSET, "lowered arithmetic")
    known = constants or {}
    operands = [
        Fixed(known[i]) if i in known else Row(f"in{i}", tensor.dtype, _rank(tensor))
        for i, tensor in enumerate(inputs)
    ]
    first_row(operands)
    emitter = Emitter(opset)
    results = _lowered(emitter, op, operands, outputs)
    for number, name in enumerate(results):
        _rename_output(emitter, name, f"out{number}")
    return _model(emitter, {i: t for i, t in enumerate(inputs) if i not in known}, outputs)


def _lowered(
    emitter: Emitter, op: Expression, operands: Sequence[Operand], outputs: Sequence[Tensor]
) -> list[str]:
    out = outputs[0].dtype
    match op:
        case Elementwise():
            return [elementwise(emitter, op.kind, operands, out)]
        case Cast():
            return [_cast(emitter, _only(operands), op.dtype)]
        case Concat():
            return [concat(emitter, op, operands, out)]
        case Stack():
            return [stack(emitter, op, operands, out)]
        case Vote():
            return [vote(emitter, op, operands, out)]
        case Reduce():
            return [reduce(emitter, op, _only(operands), out)]
        case ArgMax():
            return [argmax(emitter, op, _only(operands))]
        case Softmax():
            return [softmax(emitter, op, _only(operands), out)]
        case Normalise():
            return [normalise(emitter, op, _only(operands), out)]
        case TopK():
            return top_k(emitter, op, _only(operands))
        case Index():
            return [index(emitter, op, _only(operands))]
        case _:
            assert_never(op)


def _cast(emitter: Emitter, row: Row, dtype: DType) -> str:
    if (row.dtype is DType.STR) != (dtype is DType.STR):
        raise LoweringRefused("ONNX formats and parses numbers in strings differently from Python")
    return emitter.cast(row.name, row.dtype, dtype)


def _only(operands: Sequence[Operand]) -> Row:
    if len(operands) != 1:
        raise LoweringRefused(f"an expression of one tensor got {len(operands)}")
    return first_row(operands)


def _rank(tensor: Tensor) -> int:
    if tensor.dims is None:
        raise LoweringRefused(f"the number of axes of `{tensor}` is unknown")
    return len(tensor.dims)


def _rename_output(emitter: Emitter, name: str, wanted: str) -> None:
    """Every output is a value of its own: an input that comes out unchanged passes through an `Identity`."""
    for node in emitter.nodes:
        if name in node.output:
            node.output[list(node.output).index(name)] = wanted
            for reader in emitter.nodes:
                reader.input[:] = [wanted if source == name else source for source in reader.input]
            return
    emitter.nodes.append(_identity(name, wanted))


def _identity(name: str, wanted: str) -> "onnx.NodeProto":
    from onnx import helper

    return helper.make_node("Identity", [name], [wanted], f"Identity_{wanted}")


def _model(emitter: Emitter, inputs: Mapping[int, Tensor], outputs: Sequence[Tensor]) -> bytes:
    from onnx import checker, helper

    def port(name: str, tensor: Tensor) -> "onnx.ValueInfoProto":
        """An input or output with the batch in front."""
        # Names of sizes are left out: equal names in two models would be taken for equal sizes after a merge.
        sizes = [dim if isinstance(dim, int) else None for dim in tensor.dims or ()]
        return helper.make_tensor_value_info(name, to_onnx(tensor.dtype), ["N", *sizes])

    graph = helper.make_graph(
        emitter.nodes,
        "expression",
        [port(f"in{i}", tensor) for i, tensor in inputs.items()],
        [port(f"out{i}", tensor) for i, tensor in enumerate(outputs)],
        emitter.initializers,
    )
    opsets = [helper.make_opsetid("", emitter.opset)]
    ir_version = max(_OLDEST_IR, helper.find_min_ir_version_for(opsets))
    model = helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)
    checker.check_model(model, full_check=True)
    return canonical_bytes(model)
