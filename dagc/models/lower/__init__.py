"""Arithmetic of a graph body as a small ONNX model, meaning what NumPy means on one example.

One file per family of operators. Every emitted operator is row-wise (see `models/rowwise.py`) but one: sorting
strings, which a vote with `ties="lowest"` over string labels needs.
"""

from dagc.models.lower.emitter import LoweringNeeds, LoweringRefused
from dagc.models.lower.expression import lower

__all__ = ["LoweringNeeds", "LoweringRefused", "lower"]
