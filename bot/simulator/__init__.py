"""The built-in exchange: Binance USDT-M's public protocol over a generated or replayed market.

`server.ExchangeServer` is the entry; nothing outside this package needs more than that and the market sources.
"""
