"""The language a user's `graph.py` imports; the compiler itself is reached through the `dagc` command."""
