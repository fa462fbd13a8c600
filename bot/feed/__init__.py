"""The feed: closed candles of an exchange, minute by minute, whatever becomes of the line."""

from bot.feed import thin_ccxt

thin_ccxt.install()
