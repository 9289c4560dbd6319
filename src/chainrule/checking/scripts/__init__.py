"""Whole scripts under check: run apart, recorded operation by operation, and read."""
