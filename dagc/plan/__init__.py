"""The cut into services and the plain data every backend reads; the last room that sees the IR."""
