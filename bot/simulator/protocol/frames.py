"""Candles as Binance writes them: websocket frames, REST rows, `exchangeInfo`.

Pure text building. Quote volumes, trade counts and taker shares, which the market does not model, are derived from the
candle, so they are the same whenever it is asked for.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from bot.simulator.market.source import Instrument
from strategies.market import MarketStatus

_DELIVERY_MS: Final = 4_133_404_800_000  # Binance's date for "perpetual"
_STATUSES: Final = {MarketStatus.TRADING: "TRADING", MarketStatus.HALTED: "BREAK", MarketStatus.GONE: "SETTLING"}
_MOST_TRADES: Final = 5000
_RATE_LIMITS: Final = [
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
]


class Printed:
    """The texts of one candle, as both REST and websocket show them."""

    __slots__ = ("close", "first", "high", "last", "low", "open", "quote", "taker", "taker_quote", "trades", "volume")

    def __init__(self, instrument: Instrument, candle: np.ndarray) -> None:
        open_ms, open_, high, low, close, volume = candle.tolist()
        price, quantity = f".{instrument.price_decimals}f", f".{instrument.quantity_decimals}f"
        cash = f".{instrument.price_decimals + instrument.quantity_decimals}f"
        typical = (open_ + high + low + close) / 4
        taker = volume * (0.3 + 0.4 * (close - low) / (high - low) if high > low else 0.5)
        self.open, self.high, self.low, self.close = (format(value, price) for value in (open_, high, low, close))
        self.volume, self.taker = format(volume, quantity), format(taker, quantity)
        self.quote, self.taker_quote = format(volume * typical, cash), format(taker * typical, cash)
        self.trades = min(_MOST_TRADES, 1 + int(volume * typical / 5000)) if volume else 0
        self.first = int(open_ms) // 1000 * 100 if volume else -1
        self.last = self.first + self.trades - 1 if volume else -1


def kline_frame(
    instrument: Instrument, interval: str, interval_ms: int, candle: np.ndarray, event_ms: int, is_closed: bool
) -> str:
    """Return the `kline` event of a candle, as a raw stream sends it."""
    text, open_ms, symbol = Printed(instrument, candle), int(candle[0]), instrument.symbol
    close_ms = open_ms + interval_ms - 1
    return (
        f'{{"e":"kline","E":{event_ms},"s":"{symbol}","k":{{"t":{open_ms},"T":{close_ms},"s":"{symbol}",'
        f'"i":"{interval}","f":{text.first},"L":{text.last},"o":"{text.open}","c":"{text.close}","h":"{text.high}",'
        f'"l":"{text.low}","v":"{text.volume}","n":{text.trades},"x":{"true" if is_closed else "false"},'
        f'"q":"{text.quote}","V":"{text.taker}","Q":"{text.taker_quote}","B":"0"}}}}'
    )


def mark_frame(instrument: Instrument, price: float, rate: float, next_funding_ms: int, event_ms: int) -> str:
    """Return the `markPriceUpdate` event."""
    text = f"{price:.8f}"
    return (
        f'{{"e":"markPriceUpdate","E":{event_ms},"s":"{instrument.symbol}","p":"{text}","P":"{text}","i":"{text}",'
        f'"r":"{rate:.8f}","T":{next_funding_ms}}}'
    )


def combined_frame(stream: str, frame: str) -> str:
    """Return a raw frame as a combined stream sends it."""
    return f'{{"stream":"{stream}","data":{frame}}}'


def kline_row(instrument: Instrument, interval_ms: int, candle: np.ndarray) -> list[Any]:
    """Return the twelve elements of a REST kline."""
    text, open_ms = Printed(instrument, candle), int(candle[0])
    prices = [text.open, text.high, text.low, text.close, text.volume]
    return [open_ms, *prices, open_ms + interval_ms - 1, text.quote, text.trades, text.taker, text.taker_quote, "0"]


def exchange_info(instruments: list[Instrument], now_ms: int) -> dict[str, Any]:
    """Return the body of `/fapi/v1/exchangeInfo`."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "futuresType": "U_MARGINED",
        "rateLimits": _RATE_LIMITS,
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": [_symbol(instrument) for instrument in instruments],
    }


def _symbol(instrument: Instrument) -> dict[str, Any]:
    market = instrument.market
    tick, lot = f"{market.tick:f}", f"{market.lot:f}"
    return {
        "symbol": market.symbol,
        "pair": market.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": instrument.delivery_ms or _DELIVERY_MS,
        "onboardDate": instrument.onboard_ms,
        "status": _STATUSES[market.status],
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": instrument.base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": instrument.price_decimals,
        "quantityPrecision": instrument.quantity_decimals,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "4529764", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": lot, "maxQty": "10000000", "stepSize": lot},
            {"filterType": "MARKET_LOT_SIZE", "minQty": lot, "maxQty": "1000000", "stepSize": lot},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": f"{market.min_notional_units / 1e8:g}"},
        ],
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }
