"""Where ONNX lowers letters otherwise than Python: in C's tables, which may be older or newer than Python's."""

from functools import cache

import numpy as np

from dagc.models.importers.tokens import DOTTED, letters_of
from dagc.models.runner import Runner

LOCALE = "C.UTF-8"
"""Every glibc has it, and in it letters are lowered as Python lowers them."""


@cache
def lowered_otherwise() -> frozenset[str]:
    """The letters by which ONNX and Python lower anything differently, but for the dotted I."""
    from onnx import helper

    letters = "".join(sorted(letters_of(r"\w") - {DOTTED}))
    node = helper.make_node("StringNormalizer", ["x"], ["y"], case_change_action="LOWER", locale=LOCALE)
    ports = [helper.make_tensor_value_info(name, 8, ["N"]) for name in "xy"]
    graph = helper.make_graph([node], "lowered", ports[:1], ports[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (found,) = Runner(model.SerializeToString()).run({"x": np.array([letters], object)}, ["y"])
    pairs = zip(letters, str(found[0]), strict=True)
    return frozenset(either for a, b in pairs if a.lower() != b for either in (a, b, *a.lower()))
