"""Column vocabulary: what exchanges, programs and people call columns, in the languages of charting sites."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

_WORDS: Final = {
    "time": """
        open_time open_ms time_ms timestamp timestamp_ms ts t date datetime time unix unix_timestamp unix_time epoch
        start_at start_time start open_timestamp time_open timeopen period_start snapped_at candle_begin_time opentime
        dt utc bucket time_period_start funding_time fundingtime calc_time index index_level_0 unnamed_0 begin date_time
        timestamp_s timestamp_us timestamp_ns time_utc kline_open_time startat starttime begins_at candle_date_time_utc
        window_start started_at ts_event dtyyyymmdd gmt_time time_gmt utc_time ticks open_date bar_time bartime
        tarih zaman datum zeit fecha data date_heure дата время 日期 时间 時間 日時 日付 日付け 날짜 시간 일시
    """,
    "local_time": "local_time time_local date_local candle_date_time_kst",
    "close_time": """
        close_time close_ms time_close timeclose closetime end_time time_period_end end_at kline_close_time period_end
        window_end ended_at close_timestamp endtime bar_end
    """,
    "open": """
        open o open_price price_open first opening_price 1_open openprice first_price
        açılış eröffnung eröffn eröffnungskurs erster apertura abertura ouverture ouv открытие откр 开盘 开盘价 開盤
        始値 시가
    """,
    "high": """
        high h high_price price_high max highest 2_high highprice trade_high_price
        yüksek en_yüksek hoch höchst tageshoch máximo máxima máx plus_haut haut massimo max_price максимум макс 高 最高
        最高价 高値 고가
    """,
    "low": """
        low l low_price price_low min lowest 3_low lowprice trade_low_price
        düşük en_düşük tief tiefst tagestief mínimo mínima mín plus_bas bas minimo минимум мин 低 最低 最低价 安値 저가
    """,
    "close": """
        close c close_price price_close last closing_price 4_close closeprice trade_price close_last
        kapanış şimdi son schluss schlusskurs zuletzt cierre último clôture dernier chiusura ultimo fechamento закрытие
        цена 收盘 收盘价 終値 종가
    """,
    "volume": """
        volume v vol base_volume volume_base volume_traded quantity qty amount basevolume volumefrom volume_from
        candle_acc_trade_volume base_token_volume home_notional base_asset_volume
        hacim hac volumen umsatz объем объём 成交量 交易量 出来高 거래량
    """,
    "tick_volume": "tickvol tick_volume tickvolume",
    "quote_volume": """
        quote_volume quote_asset_volume volume_quote turnover quotevolume volume_currency vol_quote vol_ccy_quote value
        quote_vol dollar_volume volccyquote volumeto volume_to usd_volume volume_notional notional foreign_notional
        candle_acc_trade_price quote_token_volume vol_ccy volccy trade_value 成交额
    """,
    "trades": """
        count trades n number_of_trades trade_count tradecount trades_count num_trades transactions trades_done n_trades
    """,
    "rate": "funding_rate fundingrate last_funding_rate rate rate_e8 lastfundingrate",
    "symbol": "symbol s ticker pair instrument market coin name instid inst_id tic product_id crypto instrument_name",
    "timeframe": "timeframe interval period resolution bar per i",
    "exchange": "exchange exchange_name exchange_id venue",
}
UNITS: Final = re.compile(
    r"^(.+?)_(usdt|usdc|usd|busd|fdusd|tusd|eur|gbp|jpy|try|tl|krw|cny|brl|aud|cad|chf|rub|inr|btc|eth"
    r"|utc|gmt|ms|s|us|ns|price|est|cet)$"
)
_NUMBERED: Final = re.compile(r"^\d+[.:]\s*")  # "1. open"
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


@cache
def plain(name: str) -> str:
    """Return a name in lower_snake_case without signs and accents: "Volume (BTC)" is volume_btc, "AÇILIŞ" acilis."""
    text = (
        _CAMEL.sub("_", _NUMBERED.sub("", name.strip())).replace("I", "i").replace("İ", "i").lower().replace("ı", "i")
    )
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return re.sub(r"[\W_]+", "_", bare).strip("_")


SPELLINGS: Final = {role: frozenset(plain(word) for word in words.split()) for role, words in _WORDS.items()}


def currency_of(name: str) -> str:
    """Return the currency that a price column's name ends in, upper-case: "Open (EUR)" is EUR; "" where none."""
    match = UNITS.match(plain(name))
    word = match[2].upper() if match else ""
    return {"TL": "TRY"}.get(word, "" if word in ("UTC", "GMT", "MS", "S", "US", "NS", "PRICE", "EST", "CET") else word)
