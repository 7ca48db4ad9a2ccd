"""Pictures of graphs: diagrams drawn from the IR, folded until legible, laid out, and written in three forms."""
