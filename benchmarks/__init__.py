"""Measurements of this machine: `python -m benchmarks.NAME --json` for one, `python -m benchmarks` for all of them."""
