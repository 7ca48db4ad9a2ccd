"""Runs a graph in-process, node by node: the oracle of every test, and the proof that a fused form is equal."""
