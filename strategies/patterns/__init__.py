"""Chart and candle patterns: found when they are confirmed, never repainted. Labels for a classifier, remarks for
people; nothing trades on them.
"""

from strategies.patterns.find import find_patterns, last_pattern
from strategies.patterns.hits import BULLISH, HIT, Pattern, title

__all__ = ["BULLISH", "HIT", "Pattern", "find_patterns", "last_pattern", "title"]
