"""`python -m dagc`, the same as the command `dagc`."""

from dagc.cli.main import main

main()
