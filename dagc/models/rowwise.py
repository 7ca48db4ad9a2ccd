"""Whether a model may serve many examples in one run: row i of every output depends on row i of the inputs alone.

A conservative list of operators (`row_rules.py`), walked once from the inputs to the outputs. What is not on the
list, or lies on a rank or shape that is not known, counts as mixing; a value no input reaches is never a row.
"""

from typing import TYPE_CHECKING

from dagc.models.inferred_shapes import with_inferred_shapes
from dagc.models.model_error import ModelError
from dagc.models.proto import parse, plain_domain
from dagc.models.row_rules import RULES, Seen
from dagc.models.row_values import ROW_COUNT, ROW_LINE, ROWS, Values

if TYPE_CHECKING:
    import onnx

_ML = "ai.onnx.ml"
_OLDEST_OPSET = 7
"""Before it broadcasting, `Dropout` and `BatchNormalization` were told what to do by other attributes."""

_COUNT_KEEPERS = frozenset({"Concat", "Identity"})


def mixing(model: bytes) -> str | None:
    """`None` when rows provably stay apart, else a sentence naming the first operator where they may not.

    Apart means mathematically: a batched matrix product may round differently from one of a single row.
    """
    try:
        proto = with_inferred_shapes(parse(model))
    except (ModelError, RuntimeError) as error:
        return f"its shapes cannot be inferred: {str(error).strip().splitlines()[0]}"
    values = Values(proto.graph)
    if any(plain_domain(e.domain) == "" and e.version < _OLDEST_OPSET for e in proto.opset_import):
        return f"it uses an opset before {_OLDEST_OPSET}"
    return _fixed_input(values) or _first_mixer(proto, values) or _lost_output(values)


def _fixed_input(values: Values) -> str | None:
    for name in values.inputs:
        dims = values.dims(name)
        if not dims:
            return f"input `{name}` has no batch axis"
        if isinstance(dims[0], int):
            return f"axis 0 of input `{name}` is fixed to {dims[0]}"
        values.mark(name, ROWS)
    return None


def _first_mixer(proto: "onnx.ModelProto", values: Values) -> str | None:
    for node in proto.graph.node:
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            return f"operator `{node.op_type}` holds nested graphs, which are not looked into"
        if not any(values.kind(name) for name in node.input):
            continue  # computed from constants: the same for every batch
        reason = _mixes(node, values)
        if reason:
            return reason
    return None


def _mixes(node: "onnx.NodeProto", values: Values) -> str | None:
    if node.op_type == "Shape":
        return _counts_rows(node, values)
    if any(values.kind(name) == ROW_COUNT for name in node.input):
        return _uses_row_count(node, values)
    if any(values.kind(name) == ROW_LINE for name in node.input):
        return _uses_row_line(node, values)
    if (node.domain, node.op_type) == (_ML, "ArrayFeatureExtractor") and values.kind(node.input[1]):
        return _looks_up_labels(node, values)
    rule = RULES.get((plain_domain(node.domain), node.op_type))
    if rule is None:
        return f"operator `{node.op_type}` is not on the list of row-wise operators"
    reason = rule(Seen(node, values))
    if reason:
        return f"operator `{node.op_type}` {reason}"
    for name in node.output:
        values.mark(name, ROWS)
    return None


def _counts_rows(node: "onnx.NodeProto", values: Values) -> str | None:
    """`Shape(x, start=0, end=1)` is how many rows there are; any other use of the batch size is not followed."""
    seen = Seen(node, values)
    if values.kind(node.input[0]) != ROWS or seen.number("start", 0) != 0 or seen.number("end", 0) != 1:
        return "operator `Shape` reads the batch size, which is not followed"
    values.mark(node.output[0], ROW_COUNT)
    return None


def _uses_row_count(node: "onnx.NodeProto", values: Values) -> str | None:
    """Followed only into a vector that begins with it, and into `Expand` of a constant to so many rows."""
    if node.op_type in _COUNT_KEEPERS and not any(values.kind(name) for name in node.input[1:]):
        values.mark(node.output[0], ROW_COUNT)
        return None
    if node.op_type == "Expand" and not values.kind(node.input[0]) and _adds_the_batch(node, values):
        values.mark(node.output[0], ROWS)
        return None
    return f"operator `{node.op_type}` computes with the batch size, which is not followed"


def _adds_the_batch(node: "onnx.NodeProto", values: Values) -> bool:
    constant, target = values.dims(node.input[0]), values.dims(node.input[1])
    if constant is None or target is None or not isinstance(target[0], int):
        return False
    return len(constant) < target[0] or (len(constant) == target[0] and constant[0] == 1)


def _looks_up_labels(node: "onnx.NodeProto", values: Values) -> str | None:
    """A table of labels by one index a row, as skl2onnx writes it: a line `[1, rows]` that is reshaped at once."""
    table, rows = values.dims(node.input[0]), values.dims(node.input[1])
    if values.kind(node.input[0]) or not table or table[:-1] not in ((), (1,)):
        return "operator `ArrayFeatureExtractor` picks elements by indices that differ between rows"
    if rows is None or rows[1:] not in ((), (1,)):
        return "operator `ArrayFeatureExtractor` takes several indices a row"
    values.mark(node.output[0], ROW_LINE)
    return None


def _uses_row_line(node: "onnx.NodeProto", values: Values) -> str | None:
    if node.op_type in ("Cast", "Identity"):
        values.mark(node.output[0], ROW_LINE)
        return None
    shape = values.constant(node.input[1]) if node.op_type == "Reshape" else None
    if shape is None or shape.tolist() not in ([-1], [-1, 1]):
        return f"operator `{node.op_type}` takes the rows along axis 1"
    values.mark(node.output[0], ROWS)
    return None


def _lost_output(values: Values) -> str | None:
    for name in values.outputs:
        if values.kind(name) != ROWS:
            return f"output `{name}` does not depend on the inputs row by row"
        dims = values.dims(name)
        if dims and isinstance(dims[0], int):
            return f"axis 0 of output `{name}` is fixed to {dims[0]}"
    return None
