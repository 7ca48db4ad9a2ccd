"""The benchmark: dagc's generated services beside hand-written and framework ones, in one interleaved run."""
