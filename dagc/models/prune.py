"""A model reduced to what some of its outputs need."""

from collections.abc import Sequence

from dagc.models.proto import canonical_bytes, parse
from dagc.models.tidy import drop_unread


def prune(model: bytes, fetches: Sequence[str]) -> bytes:
    """The model with only the outputs `fetches`, in this order, and only the nodes and tensors they need.

    Inputs stay, also those no longer read, so that callers feed it as before.

    Raises:
        KeyError: for a name that is no output of the model.
    """
    import onnx_ir as ir

    whole = ir.from_proto(parse(model))
    outputs = {value.name: value for value in whole.graph.outputs}
    kept = [outputs[name] for name in dict.fromkeys(fetches)]
    drop_unread(whole.graph, [*kept, *whole.graph.inputs])
    whole.graph.outputs[:] = kept
    return canonical_bytes(ir.to_proto(whole))
