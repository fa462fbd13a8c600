"""The clauses of sentences that are recorded in English: listed here so that every catalogue has to know them.

`{0}`, `{1}` stand for the numbers and names, in their order; see `templates.py`.
"""

from __future__ import annotations

from typing import Final

from storage.language.speech import N_

REASONS: Final = (
    N_("because"),
    N_("context"),
    N_("conviction {0}"),
    N_("trend rule {0}"),
    N_("{0} of {1} Donchian channels"),
    N_("{0} h momentum {1}σ"),
    N_("{0} d momentum {1}σ"),
    N_("{0}σ from the {1} h average"),
    N_("{0}σ from the {1} d average"),
    N_("{0} h channel position {1}"),
    N_("{0} d channel position {1}"),
    N_("{0} h trend efficiency {1}"),
    N_("{0} d trend efficiency {1}"),
    N_("RSI oversold ({0})"),
    N_("RSI overbought ({0})"),
    N_("price at Fibonacci {0} support"),
    N_("price at Fibonacci {0} resistance"),
    N_("{0}-bar trend up ({1}σ)"),
    N_("{0}-bar trend down ({1}σ)"),
    N_("{0}-bar trend sideways ({1}σ)"),
    N_("close above the upper Bollinger band"),
    N_("close below the lower Bollinger band"),
    N_("at the high of {0} bars"),
    N_("at the low of {0} bars"),
    N_("strong trend (ADX {0})"),
    N_("volume {0} times the usual"),
    N_("hammer"),
    N_("shooting star"),
    N_("morning star"),
    N_("evening star"),
)
REFUSALS: Final = (
    N_("nothing was refused"),
    N_("the conviction is under the threshold"),
    N_("the conviction is under the threshold: {0} of {1}"),
    N_("the expected return does not pay the round-trip cost"),
    N_("the expected return does not pay the round-trip cost: {0} bp against {1} bp"),
    N_("this side is switched off in the settings"),
    N_("the side is blocked after its last stop or target"),
    N_("the market cools down after a losing trade"),
    N_("entries are paused by a person, or a commanded close is pending"),
    N_("the daily loss stop is in force until the next UTC day"),
    N_("the drawdown stop is in force until a person unlocks it"),
    N_("the account holds as many positions as it may"),
    N_("the account's leverage cap leaves no room"),
    N_("the size is under the market's minimum order"),
    N_("the market is not ready: a gap is open in its candles, or its warm-up is incomplete"),
    N_("no predictor gave a finite score"),
    N_("the exchange has stopped the market"),
    N_("the market is about to leave the account"),
    N_("the market has left the account"),
    N_("the decision came too late after its candle's close; the entry is recorded as missed"),
)
CODES: Final = (
    N_("weak"),
    N_("cost"),
    N_("blocked"),
    N_("cooldown"),
    N_("daily loss"),
    N_("max positions"),
    N_("too small"),
    N_("not ready"),
)
FINDINGS: Final = (
    N_("live and backtest identical"),
    N_("{0} fills in {1} trades"),
    N_("too little has happened under this bundle to say anything"),
)
OUTCOMES: Final = (
    N_("the trend rule (trend{0})"),
    N_("cash (cash{0})"),
    N_("hold"),
    N_("none yet"),
    N_("schedule"),
    N_("drift"),
    N_("no bundle decides yet"),
    N_("a restart cut the last training short"),
    N_("cut short: the daemon ended"),
    N_("no bundle has passed its gate yet"),
    N_("promoted by hand"),
    N_("rolled back by hand"),
)
