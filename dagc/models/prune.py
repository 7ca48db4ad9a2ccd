"""A model reduced to what some of its outputs need."""

from collections.abc import Sequence

from dagc.models.proto import canonical_bytes, parse
from dagc.models.tidy import captured, needed


def prune(model: bytes, fetches: Sequence[str]) -> bytes:
    """The model with only the outputs `fetches`, in this order, and only the nodes and tensors they need.

    Inputs stay, also those no longer read, so that callers feed it as before.

    Raises:
        KeyError: for a name that is no output of the model.
    """
    proto = parse(model)
    graph = proto.graph
    outputs = {value.name: value for value in graph.output}
    kept = [outputs[name] for name in dict.fromkeys(fetches)]
    wanted = [value.name for value in (*kept, *graph.input)]
    nodes = list(graph.node)
    stay, read = needed([(node.output, (*node.input, *captured(node))) for node in nodes], wanted)
    left = [node for node, stays in zip(nodes, stay, strict=True) if stays]
    made = {name for node in left for name in node.output}
    tensors = [tensor for tensor in graph.initializer if tensor.name in read]
    infos = [value for value in graph.value_info if value.name in made]
    pruned = type(graph)(
        name=graph.name,
        node=left,
        initializer=tensors,
        sparse_initializer=graph.sparse_initializer,
        input=graph.input,
        output=kept,
        value_info=infos,
    )
    proto.graph.CopyFrom(pruned)
    return canonical_bytes(proto)
