"""Turns the arithmetic of a graph body into models, so that fusion sees only models."""

from dataclasses import dataclass

from dagc.ir.graph import Graph
from dagc.models.lower import LoweringNeeds
from dagc.passes.lowering import DEFAULT_OPSET, Lowering, newest_opset
from dagc.passes.pass_ import Context


@dataclass(frozen=True, slots=True)
class LowerExpressions:
    """Every expression becomes a small ONNX model of its own.

    Python scalars are wrapped as tensors of the dtype they take beside the other operands (NEP 50), results that
    are Python scalars are unwrapped again, and constants become part of the model. A scalar that comes out of one
    model and goes into the next stays a tensor. Comparisons of Python values that only a choice reads stay as they
    are: `main.py` makes them.

    Before:
        graph demo(row: f32[4], amount: float) -> tuple[f32[4], bool]  # graph.py:1
          limit: int     = constant 100                                # graph.py:2
          large: bool    = amount > limit                              # graph.py:3
          scaled: f32[4] = row * amount                                # graph.py:4
          return scaled, large

    After:
        graph demo(row: f32[4], amount: float) -> tuple[f32[4], bool]         # graph.py:1
          limit: int         = constant 100                                   # graph.py:2
          amount_f64: f64[]  = tensor(amount)                                 # graph.py:3
          large_bool: bool[] = run gt {in0: amount_f64} -> {out0}             # graph.py:3
          large: bool        = item(large_bool)                               # graph.py:3
          amount_f32: f32[]  = tensor(amount)                                 # graph.py:4
          scaled: f32[4]     = run mul {in0: row, in1: amount_f32} -> {out0}  # graph.py:4
          return scaled, large
    """

    name: str = "lower-expressions"

    def run(self, graph: Graph, context: Context) -> Graph:
        """The graph without expressions."""
        if newest_opset(graph, context.store) is not None:
            return Lowering(graph, context.store, None).lowered()
        # Without models to agree with, all expressions go to the opset the most demanding one needs, so they fuse.
        opset = DEFAULT_OPSET
        while True:
            try:
                return Lowering(graph, context.store, opset).lowered()
            except LoweringNeeds as needed:
                opset = needed.opset
