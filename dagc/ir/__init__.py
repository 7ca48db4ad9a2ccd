"""The typed graph every pass reads and writes: types, a closed set of ops, values, nodes and graphs."""
