"""Runs a built service whose batches no busy machine splits: `python steady.py` where `python main.py` is said.

A turn of the loop ends when its work is done, not after 5 ms, and no model counts as heavy by what its first runs
took: then those who arrive in one piece of bytes share runs on every machine.
"""

import math
import runpy
import sys

sys.path[0] = ""  # the service's folder, as when its main.py is run

from dagc_runtime import batcher, session, turn  # noqa: E402

batcher.TURN_S = turn.TURN_S = turn.CATCH_UP_S = 60.0
session.HEAVY_MS = math.inf
sys.argv[0] = "main.py"
runpy.run_path("main.py", run_name="__main__")
