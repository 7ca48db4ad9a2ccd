"""Plans to trees: pure functions, one for each output."""
