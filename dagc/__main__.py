"""`python -m dagc`, the same as the command `dagc`."""

import sys

try:
    from dagc.cli.main import main
except KeyboardInterrupt:  # nothing has begun yet
    sys.exit(130)

main()
