"""Signals and refusals as people and programs see them, and `decide`, which makes the decisions they tell of."""

from strategies.decisions import decide

__all__ = ["decide"]
