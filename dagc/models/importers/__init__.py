"""Importers: fitted estimators and torch modules become ONNX models in a limited child process at build time.

The parent (`importing`) asks the `cache`, else runs the `child` in a `sandbox` and holds the model against the
original's answers (`verdict`). Nothing is pickled between the two: they exchange JSON, ONNX and `.npz` files.
"""
