"""Whether a model may serve many examples in one run: row i of every output depends on row i of the inputs alone.

The answer is a proof by dataflow (`rows/`), for every batch size at once, of the model as it is before onnxruntime
optimises it. What is not proven is served one example at a time.
"""

from typing import TYPE_CHECKING

from dagc.models.functions import InliningRefused, inlined
from dagc.models.model_error import ModelError
from dagc.models.proto import parse, plain_domain
from dagc.models.rows.proof import Proof, batch_input, complaint, outputs
from dagc.models.rows.rules import ML
from dagc.models.rows.value import Tensor, Value
from dagc.models.shared_inputs import shared_reads

if TYPE_CHECKING:
    import onnx

_OLDEST_OPSET = 7
"""Before it broadcasting, `Dropout` and `BatchNormalization` were told what to do by other attributes."""


def mixing(model: bytes) -> str | None:
    """`None` when rows provably stay apart, else a sentence naming the operator and node where they may not.

    Apart means mathematically, and for examples whose inputs have equal shapes and, where the model reads one row
    for all of them (`shared_inputs.py`), equal values: a batched matrix product may round
    differently from one of a single row, and a row that makes an operator fail fails the whole run.
    """
    try:
        proto = _inlined(parse(model))
    except ModelError as error:
        return f"it cannot be read: {error.message}"
    if isinstance(proto, str):
        return proto
    versions = {(plain_domain(entry.domain), entry.version) for entry in proto.opset_import}
    if len({domain for domain, _ in versions}) < len(versions):
        return "it names two versions of one operator set"
    if any(domain == "" and version < _OLDEST_OPSET for domain, version in versions):
        return f"it uses an opset before {_OLDEST_OPSET}"
    stored = {tensor.name for tensor in proto.graph.initializer}
    stored |= {tensor.values.name for tensor in proto.graph.sparse_initializer}
    inputs: dict[str, Value] = {}
    for value in proto.graph.input:
        known = batch_input(value) if value.name not in stored else None
        if isinstance(known, str):
            return known
        if known is not None:
            inputs[value.name] = known
    for node in shared_reads(proto.graph):  # what requests agree on is equal however many they are
        whole = inputs[node.input[0]]
        if isinstance(whole, Tensor) and whole.dims is not None:
            inputs[node.output[0]] = Tensor(whole.dims[1:])
            proto.graph.node.remove(node)
    found = outputs(proto.graph, Proof(proto).values(proto.graph, inputs))
    pairs = zip(proto.graph.output, found, strict=True)
    return next((why for output, value in pairs if (why := complaint(output.name, value)) is not None), None)


def _inlined(proto: "onnx.ModelProto") -> "onnx.ModelProto | str":
    """The model with its own functions put in place of their calls, or why that cannot be done."""
    if any(plain_domain(function.domain) in ("", ML) for function in proto.functions):
        return "it gives an operator of ONNX another meaning"
    try:
        return inlined(proto)
    except InliningRefused as refused:
        return f"its functions cannot be inlined: {refused}"
