"""ONNX models as bytes: reading, signatures, sessions, lowering of expressions, merging and their analyses."""
