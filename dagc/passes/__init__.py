"""Rewrites of a checked graph into fewer, bigger nodes: one pass per file, their order is `pipeline.PIPELINE`."""
