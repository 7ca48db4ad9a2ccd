"""What a user's `graph.py` imports, and how such a file is loaded and traced."""
