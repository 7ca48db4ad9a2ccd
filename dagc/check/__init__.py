"""Rules a graph must keep before anything is built from it: one per file, all run, all errors collected."""

from dagc.check.rules import RULES, check, check_endpoints

__all__ = ["RULES", "check", "check_endpoints"]
