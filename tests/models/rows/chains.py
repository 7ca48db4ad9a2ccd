"""Which shapes of a model are computed from the shapes of its values."""

import onnx


def by_shape(content: bytes) -> int:
    """How many operators take a shape that was computed, by whatever chain, from `Shape`."""
    graph = onnx.load_model_from_string(content).graph
    computed: set[str] = set()
    found = 0
    for node in graph.node:
        if node.op_type in ("Reshape", "Expand") and node.input[1] in computed:
            found += 1
        elif node.op_type == "Shape" or (node.op_type != "Reshape" and any(i in computed for i in node.input)):
            computed.update(node.output)
    return found
