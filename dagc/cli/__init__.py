"""The `dagc` command: typer commands, progress and tables. Only here are the compiler's rooms imported late."""
