"""Recording: a graph body runs once on symbolic values, and every operation lands here with its source span."""
