"""What exchanges, data sellers and charting programs write: each becomes the same candles, or asks."""

from __future__ import annotations

import json

import numpy as np

from storage.candles.importing.sheet import Options
from strategies.market import DAY_MS, HOUR_MS
from tests.storage.candles.file_shapes import DAYS, HOURS, MINUTES, Shape, form, lines, text

ISO = "%Y-%m-%d %H:%M:%S"
ISO_T = "%Y-%m-%dT%H:%M:%S"
NO_VOLUME = HOURS * np.array([1, 1, 1, 1, 1, 0])
MONEY = np.round(HOURS[:, 5] * HOURS[:, 4], 4)  # what the volumes cost
CONTRACTS = np.round(HOURS[:, 5] * 1000)  # of a thousandth of a coin


def seconds(ms: float) -> str:
    return f"{ms / 1000:.0f}"


def objects(names: dict[str, object], rows: np.ndarray = HOURS) -> list[dict[str, object]]:
    """Return a row an object; a value of `names` is a column's number, a text to keep, or a function of the row."""
    made = []
    for row in rows:
        made.append({name: _value(value, row) for name, value in names.items()})
    return made


def _value(value: object, row: np.ndarray) -> object:
    if callable(value):
        return value(row)
    return float(row[value]) if isinstance(value, int) else value


def document(content: object) -> str:
    return json.dumps(content)


def stooq() -> str:
    body = [f"BTCUSD,60,{form('%Y%m%d,%H%M%S')(r[0])},{r[1]},{r[2]},{r[3]},{r[4]},{r[5]},0" for r in HOURS]
    return "\r\n".join(["<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>", *body]) + "\r\n"


def alpha_vantage() -> str:
    series = {
        form(ISO)(r[0]): {"1. open": str(r[1]), "2. high": str(r[2]), "3. low": str(r[3]), "4. close": str(r[4]), "5. volume": str(r[5])}
        for r in HOURS[::-1]
    }  # fmt: skip
    meta = {"1. Information": "Crypto Intraday (60min)", "2. Digital Currency Code": "BTC", "4. Market Code": "USD"}
    return document({"Meta Data": meta, "Time Series Crypto (60min)": series})


def upbit(row: np.ndarray) -> dict[str, object]:
    return {
        "market": "KRW-BTC", "candle_date_time_utc": form(ISO_T)(row[0]), "candle_date_time_kst": form(ISO_T, 9)(row[0]),
        "opening_price": row[1], "high_price": row[2], "low_price": row[3], "trade_price": row[4],
        "timestamp": int(row[0]) + 3_599_123, "candle_acc_trade_price": row[4] * row[5],
        "candle_acc_trade_volume": row[5], "unit": 60,
    }  # fmt: skip


def coinapi() -> str:
    head = "time_period_start;time_period_end;time_open;time_close;price_open;price_high;price_low;price_close;volume_traded;trades_count"
    stamp = form("%Y-%m-%dT%H:%M:%S.0000000Z")
    body = [
        f"{stamp(r[0])};{stamp(r[0] + HOUR_MS)};{stamp(r[0] + 3000 + 1000 * n)};{stamp(r[0] + HOUR_MS - 5000)};{r[1]};{r[2]};{r[3]};{r[4]};{r[5]};9"
        for n, r in enumerate(HOURS)
    ]
    return "\n".join([head, *body]) + "\n"


def okx_swap() -> str:
    return document(
        {"code": "0", "msg": "", "data": [
            [f"{r[0]:.0f}", *map(str, r[1:5]), f"{k:.0f}", str(r[5]), str(m), "1"]
            for r, k, m in zip(HOURS[::-1], CONTRACTS[::-1], MONEY[::-1], strict=True)
        ]}
    )  # fmt: skip


def gate_spot() -> str:
    return document(
        [[seconds(r[0]), str(m), str(r[4]), str(r[2]), str(r[3]), str(r[1]), str(r[5]), "true"]
         for r, m in zip(HOURS, MONEY, strict=True)]
    )  # fmt: skip


def with_money(header: str, order: str) -> str:
    """Return text whose rows are time, prices, volume (v) and money (m) in the order given."""
    places = {"t": 0, "o": 1, "h": 2, "l": 3, "c": 4, "v": 5}
    body = [
        ",".join(str(m) if sign == "m" else (f"{r[0]:.0f}" if sign == "t" else str(r[places[sign]])) for sign in order)
        for r, m in zip(HOURS, MONEY, strict=True)
    ]
    return "\n".join([header, *body] if header else body) + "\n"


def columnar(time: str = "t", **names: str) -> dict[str, object]:
    found: dict[str, object] = {time: [int(ms) // 1000 for ms in HOURS[:, 0]]}
    return found | {name: HOURS[:, int(place)].tolist() for name, place in names.items()}


def barchart() -> str:
    body = lines(HOURS, "Time,Open,High,Low,Last,Volume", time=form("%m/%d/%Y %H:%M"))
    return body + '"Downloaded from Barchart.com as of 06-30-2024 05:00am CDT"\n'


def bitmex() -> str:
    head = "timestamp,symbol,open,high,low,close,trades,volume,vwap,lastSize,turnover,homeNotional,foreignNotional"
    body = [
        f"{form('%Y-%m-%dT%H:%M:%S.000Z')(r[0] + HOUR_MS)},XBTUSDT,{r[1]},{r[2]},{r[3]},{r[4]},9,{k:.0f},{r[4]},1,{k * 10:.0f},{r[5]},{m}"
        for r, k, m in zip(HOURS, CONTRACTS, MONEY, strict=True)
    ]
    return "\n".join([head, *body]) + "\n"


def coinmarketcap() -> str:
    head = "timeOpen;timeClose;timeHigh;timeLow;name;open;high;low;close;volume;marketCap;timestamp"
    stamp = form("%Y-%m-%dT%H:%M:%S.000Z")
    last = form("%Y-%m-%dT%H:%M:%S.999Z")
    body = [
        f'"{stamp(r[0])}";"{last(r[0] + DAY_MS - 1)}";"{stamp(r[0] + 7_260_000)}";"{stamp(r[0] + 9_000_000)}";"2781";{r[1]};{r[2]};{r[3]};{r[4]};{r[5] * r[4]:.4f};1e12;"{last(r[0] + DAY_MS - 1)}"'
        for r in DAYS[::-1]
    ]
    return "\n".join([head, *body]) + "\n"


def coin_margined(contract: float, coins: str = "quote_volume") -> str:
    head = (
        f"open_time,open,high,low,close,volume,close_time,{coins},count,taker_buy_volume,taker_buy_quote_volume,ignore"
    )
    body = [
        f"{r[0]:.0f},{r[1]},{r[2]},{r[3]},{r[4]},{np.round(r[4] * r[5] / contract):.0f},{r[0] + HOUR_MS - 1:.0f},{r[5]},9,1,1,0"
        for r in HOURS
    ]
    return "\n".join([head, *body]) + "\n"


def databento() -> str:
    head = "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol"
    body = [
        f"{int(r[0])}000000,34,1,7,{r[1] * 1e9:.0f},{r[2] * 1e9:.0f},{r[3] * 1e9:.0f},{r[4] * 1e9:.0f},{r[5]},BTCUSDT"
        for r in HOURS
    ]
    return "\n".join([head, *body]) + "\n"


def jesse_dump(second: str = "Binance Perpetual Futures") -> str:
    head = "id,timestamp,open,close,high,low,volume,exchange,symbol,timeframe"
    body = [
        f"{n:08x}-0000,{r[0]:.0f},{r[1]},{r[4]},{r[2]},{r[3]},{r[5]},{place},BTC-USDT,1h"
        for place in dict.fromkeys(("Binance Perpetual Futures", second))
        for n, r in enumerate(HOURS)
    ]
    return "\n".join([head, *body]) + "\n"


def yahoo_chart() -> str:
    quote = {name: DAYS[:, place].tolist() for place, name in enumerate(("open", "high", "low", "close", "volume"), 1)}
    found = {"meta": {"symbol": "BTC-USD", "dataGranularity": "1d"}, "timestamp": [int(t) // 1000 for t in DAYS[:, 0]]}
    return document({"chart": {"result": [{**found, "indicators": {"quote": [quote]}}], "error": None}})


def deribit() -> str:
    rows = {name: HOURS[:, place].tolist() for place, name in enumerate(("open", "high", "low", "close", "volume"), 1)}
    result = {**rows, "ticks": [int(t) for t in HOURS[:, 0]], "cost": MONEY.tolist(), "status": "ok"}
    return document({"jsonrpc": "2.0", "result": result})


def bars(**names: object) -> str:
    return document(objects(names))


def time_ms(row: np.ndarray) -> int:
    return int(row[0])


def time_s(row: np.ndarray) -> int:
    return int(row[0]) // 1000


def time_iso(row: np.ndarray) -> str:
    return form(ISO_T + ".000Z")(row[0])


def end_ms(row: np.ndarray) -> int:
    return int(row[0]) + HOUR_MS - 1


def wide(names: str, rows: np.ndarray = HOURS) -> str:
    return lines(rows, names)


NONE = Options(columns={"volume": "none"})
TAKEN = [
    Shape(name="stooq_60.txt", write=text(stooq()), taken=HOURS, symbol="BTCUSD"),
    Shape(name="alpaca.csv", write=text(lines(HOURS, "symbol,timestamp,open,high,low,close,volume,trade_count,vwap", before="BTC/USD,", time=form(ISO + "+00:00"), after=",9,100.0")), taken=HOURS, symbol="BTCUSD"),
    Shape(name="alpaca.json", write=text(document({"bars": {"BTC/USD": objects({"c": 4, "h": 2, "l": 3, "n": 5, "o": 1, "t": time_iso, "v": 5, "vw": 4})}, "next_page_token": None})), taken=HOURS, symbol="BTCUSD"),
    Shape(name="polygon_flat.csv.gz", write=text("ticker,volume,open,close,high,low,window_start,transactions\n" + "".join(f"X:BTCUSD,{r[5]},{r[1]},{r[4]},{r[2]},{r[3]},{int(r[0])}000000,9\n" for r in HOURS)), taken=HOURS, symbol="BTCUSD"),
    Shape(name="polygon.json", write=text(document({"ticker": "X:BTCUSD", "queryCount": 48, "results": objects({"v": 5, "vw": 4, "o": 1, "c": 4, "h": 2, "l": 3, "t": time_ms, "n": 9.0}), "status": "OK"})), taken=HOURS, symbol="BTCUSD"),
    Shape(name="tiingo.json", write=text(document([{"ticker": "btcusd", "baseCurrency": "btc", "quoteCurrency": "usd", "priceData": objects({"date": lambda r: form(ISO_T + "+00:00")(r[0]), "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5, "volumeNotional": lambda r: r[4] * r[5], "tradesDone": 9.0})}])), taken=HOURS, symbol="BTCUSD"),
    Shape(name="tiingo.csv", write=text(lines(HOURS, "ticker,date,open,high,low,close,volume,volumeNotional,tradesDone", before="btcusd,", time=form(ISO + "+00:00"), after=",5,9")), taken=HOURS, symbol="BTCUSD"),
    Shape(name="eodhd.csv", write=text(lines(HOURS, "Timestamp,Gmtoffset,Datetime,Open,High,Low,Close,Volume", time=lambda ms: f"{seconds(ms)},0,{form(ISO)(ms)}")), taken=HOURS),
    Shape(name="alphavantage.json", write=text(alpha_vantage()), taken=HOURS, symbol="BTCUSD"),
    Shape(name="alphavantage_daily.csv", write=text(lines(DAYS[::-1], "timestamp,open (USD),high (USD),low (USD),close (USD),volume,market cap (USD)", time=form("%Y-%m-%d"), after=",1")), taken=DAYS, symbol="BTCUSD"),
    Shape(name="coingecko_ohlc.json", write=text(document([[int(r[0]), *r[1:5].tolist()] for r in HOURS])), taken=NO_VOLUME, options=NONE),
    Shape(name="coinapi.csv", write=text(coinapi()), taken=HOURS),
    Shape(name="coinmarketcap.csv", write=text(coinmarketcap()), taken=np.column_stack([DAYS[:, :5], [float(f"{r[5] * r[4]:.4f}") for r in DAYS]]), symbol="BTCUSD", said="counts the volume of coins in money"),
    Shape(name="kaiko_cbse_btc_usd_1h.csv", write=text(lines(HOURS, "timestamp,open,high,low,close,volume,price,count", after=",100.0,9")), taken=HOURS, symbol="BTCUSD"),
    Shape(name="bybit_v5.json", write=text(document({"retCode": 0, "result": {"category": "linear", "symbol": "BTCUSDT", "list": [[f"{r[0]:.0f}", *map(str, r[1:6]), str(m)] for r, m in zip(HOURS[::-1], MONEY[::-1], strict=True)]}})), taken=HOURS, symbol=""),
    Shape(name="okx_swap.json", write=text(okx_swap()), taken=HOURS, said="counts contracts"),
    Shape(name="okx_history.csv", write=text("instrument_name,open,high,low,close,vol,vol_ccy,vol_quote,open_time,confirm\n" + "".join(f"BTC-USDT-SWAP,{r[1]},{r[2]},{r[3]},{r[4]},{k:.0f},{r[5]},{m},{r[0]:.0f},1\n" for r, k, m in zip(HOURS, CONTRACTS, MONEY, strict=True))), taken=HOURS, said="counts contracts"),
    Shape(name="kucoin.json", write=text(document({"code": "200000", "data": [[seconds(r[0]), str(r[1]), str(r[4]), str(r[2]), str(r[3]), str(r[5]), str(m)] for r, m in zip(HOURS[::-1], MONEY[::-1], strict=True)]})), taken=HOURS),
    Shape(name="gate_spot.json", write=text(gate_spot()), taken=HOURS),
    Shape(name="gate_history.csv", write=text("".join(f"{seconds(r[0])},{r[5]},{r[4]},{r[2]},{r[3]},{r[1]}\n" for r in HOURS)), taken=HOURS),
    Shape(name="coinbase.csv", write=text(lines(HOURS[::-1], "time,low,high,open,close,volume", order=(3, 2, 1, 4, 5), time=seconds)), taken=HOURS),
    Shape(name="coinbase_advanced.json", write=text(document({"candles": objects({"start": lambda r: str(time_s(r)), "low": 3, "high": 2, "open": 1, "close": 4, "volume": 5}, HOURS[::-1])})), taken=HOURS),
    Shape(name="bitstamp.json", write=text(document({"data": {"ohlc": objects({"close": 4, "high": 2, "low": 3, "open": 1, "timestamp": lambda r: str(time_s(r)), "volume": 5}), "pair": "BTC/USD"}})), taken=HOURS, symbol="", market="BTCUSD"),
    Shape(name="deribit.json", write=text(deribit()), taken=HOURS),
    Shape(name="finnhub.json", write=text(document(columnar(o="1", h="2", l="3", c="4", v="5") | {"s": "ok"})), taken=HOURS),
    Shape(name="yahoo_chart.json", write=text(yahoo_chart()), taken=DAYS, symbol="BTCUSD"),
    Shape(name="kraken.json", write=text(document({"error": [], "result": {"XXBTZUSD": [[time_s(r), *map(str, r[1:5]), str((r[2] + r[3]) / 2), str(r[5]), 9] for r in HOURS], "last": 1717372800}})), taken=HOURS, symbol="BTCUSD"),
    Shape(name="upbit.json", write=text(document([upbit(r) for r in HOURS[::-1]])), taken=HOURS, symbol="BTCKRW"),
    Shape(name="htx.json", write=text(document({"ch": "market.btcusdt.kline.60min", "status": "ok", "data": objects({"id": time_s, "open": 1, "close": 4, "low": 3, "high": 2, "vol": lambda r: r[4] * r[5], "amount": 5, "count": 9.0}, HOURS[::-1])})), taken=HOURS),
    Shape(name="hyperliquid.json", write=text(bars(t=time_ms, T=end_ms, s="BTC", i="1h", o=1, c=4, h=2, l=3, v=5, n=9.0)), taken=HOURS),
    Shape(name="binance_stream.json", write=text(bars(t=time_ms, T=end_ms, s="BTCUSDT", i="1h", f=100.0, L=200.0, o=1, c=4, h=2, l=3, v=5, n=9.0, x="true", q=lambda r: r[4] * r[5], V=lambda r: r[5] / 2, Q=lambda r: r[4] * r[5] / 2)), taken=HOURS, symbol=""),
    Shape(name="dydx.json", write=text(document({"candles": objects({"startedAt": time_iso, "ticker": "BTC-USD", "resolution": "1HOUR", "low": 3, "high": 2, "open": 1, "close": 4, "baseTokenVolume": 5, "usdVolume": lambda r: r[4] * r[5], "trades": 9.0}, HOURS[::-1])})), taken=HOURS, symbol="BTCUSD"),
    Shape(name="cryptocompare.json", write=text(document({"Response": "Success", "Data": {"Aggregated": False, "TimeFrom": 1, "Data": objects({"time": time_s, "high": 2, "low": 3, "open": 1, "volumefrom": 5, "volumeto": lambda r: r[4] * r[5], "close": 4, "conversionType": "direct"})}})), taken=HOURS),
    Shape(name="poloniex_old.csv", write=text(with_money("date,high,low,open,close,volume,quoteVolume", "thlocmv")), taken=HOURS, said="coins"),
    Shape(name="amount_first.csv", write=text(with_money("date,amount,open,high,low,close,volume", "tmohlcv")), taken=HOURS),
    Shape(name="turnover_named_volume.csv", write=text(with_money("time,open,high,low,close,turnover,volume", "tohlcmv")), taken=HOURS),
    Shape(name="bitmex.csv", write=text(bitmex()), taken=HOURS, symbol="BTCUSDT", said="closes"),
    Shape(name="BTCUSD_PERP-1h-2024-06.csv", write=text(coin_margined(100)), taken=HOURS, symbol="BTCUSD", said="contracts of 100"),
    Shape(name="LTCUSD_PERP-1h-2024-06.csv", write=text(coin_margined(7, "base_asset_volume")), taken=HOURS, symbol="LTCUSD", said="base_asset_volume"),
    Shape(name="bybit_inverse.json", write=text(document({"result": {"category": "inverse", "symbol": "BTCUSD", "list": [[f"{r[0]:.0f}", *map(str, r[1:5]), f"{r[4] * r[5]:.0f}", str(r[5])] for r in HOURS[::-1]]}})), taken=HOURS, symbol="BTCUSD", said="counts money"),
    Shape(name="databento.csv", write=text(databento()), taken=HOURS, said="1e-9"),
    Shape(name="jesse_dump.csv", write=text(jesse_dump()), taken=HOURS, symbol="", kind="futures"),
    Shape(name="tradingview.csv", write=text(lines(HOURS, "time,open,high,low,close,Volume,Volume MA,Basis,Upper,Lower,Plot", time=seconds, after=",9,100,101,99,1")), taken=HOURS),
    Shape(name="dukascopy.csv", write=text(lines(HOURS, "Gmt time,Open,High,Low,Close,Volume", time=form("%d.%m.%Y %H:%M:%S.000"))), taken=HOURS),
    Shape(name="dukascopy_local.csv", write=text(lines(HOURS, "Local time,Open,High,Low,Close,Volume", time=form("%d.%m.%Y %H:%M:%S.000 GMT+0300", 3))), taken=HOURS),
    Shape(name="sierra.csv", write=text(lines(HOURS, "Date, Time, Open, High, Low, Last, Volume, NumberOfTrades, BidVolume, AskVolume", time=lambda ms: form("%Y/%m/%d,%H:%M:%S")(ms).replace("/0", "/"), after=",9,1,2")), taken=HOURS),
    Shape(name="finam.csv", write=text(lines(HOURS, "<TICKER>;<PER>;<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>", before="BTCUSDT;60;", sign=";", time=form("%Y%m%d;%H%M%S"))), taken=HOURS, symbol=""),
    Shape(name="metastock.csv", write=text(lines(HOURS, "<TICKER>,<PER>,<DTYYYYMMDD>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>", before="BTCUSDT,60,", time=form("%Y%m%d,%H%M%S"))), taken=HOURS, symbol=""),
    Shape(name="barchart.csv", write=text(barchart()), taken=HOURS, said="left out"),
    Shape(name="nasdaq.csv", write=text(lines(DAYS[::-1], "Date,Open,High,Low,Close/Last,Volume", time=form("%m/%d/%Y"), number=lambda v: f"${v}")), taken=DAYS),
    Shape(name="hummingbot.csv", write=text(lines(HOURS, "timestamp,open,high,low,close,volume,quote_asset_volume,n_trades,taker_buy_base_volume,taker_buy_quote_volume", time=lambda ms: f"{ms / 1000:.1f}", after=",5000.0,9,1.0,2.0")), taken=HOURS),
    Shape(name="gekko.csv", write=text(lines(HOURS, "id,start,open,high,low,close,vwp,volume,trades", before="7,", time=seconds, order=(1, 2, 3, 4, 4, 5), after=",9")), taken=HOURS),
    Shape(name="firstrate.txt", write=text(lines(HOURS, "", time=form(ISO))), taken=HOURS),
    Shape(name="kibot.txt", write=text(lines(HOURS, "", time=form("%m/%d/%Y,%H:%M"))), taken=HOURS),
    Shape(name="lean.csv", write=text(lines(HOURS, "", time=form("%Y%m%d %H:%M"))), taken=HOURS),
    Shape(name="numbered.csv", write=text("".join(f"{n},{r[0]:.0f},{r[1]},{r[2]},{r[3]},{r[4]},{r[5]}\n" for n, r in enumerate(HOURS))), taken=HOURS),
    Shape(name="investing_tr.csv", write=text("\ufeff" + '"Tarih","Şimdi","Açılış","Yüksek","Düşük","Hac.","Fark %"\n' + "".join(f'"{form("%d.%m.%Y")(r[0])}","{r[4]}","{r[1]}","{r[2]}","{r[3]}","{r[5]:.3f}","0,10%"\n'.replace(".", ",", 0) for r in DAYS[::-1])), taken=DAYS),
    Shape(name="turkish.csv", write=text(lines(HOURS, "Tarih;Açılış;Yüksek;Düşük;Kapanış;Hacim", time=form("%d.%m.%Y %H:%M"), sign=";", number=lambda v: repr(float(v)).replace(".", ","))), taken=HOURS),
    Shape(name="turkish_upper.csv", write=text(lines(HOURS, "TARİH,AÇILIŞ,YÜKSEK,DÜŞÜK,KAPANIŞ,HACİM", time=form(ISO))), taken=HOURS),
    Shape(name="german_names.csv", write=text(lines(HOURS, "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen", time=form("%d.%m.%Y %H:%M"), sign=";")), taken=HOURS),
    Shape(name="french.csv", write=text(lines(HOURS, "Date;Ouverture;Plus haut;Plus bas;Clôture;Volume", time=form("%d/%m/%Y %H:%M"), sign=";")), taken=HOURS),
    Shape(name="spanish.csv", write=text(lines(HOURS, "Fecha,Apertura,Máximo,Mínimo,Cierre,Volumen", time=form(ISO))), taken=HOURS),
    Shape(name="portuguese.csv", write=text(lines(HOURS, "Data,Abertura,Máxima,Mínima,Fechamento,Volume", time=form(ISO))), taken=HOURS),
    Shape(name="italian.csv", write=text(lines(HOURS, "Data,Apertura,Massimo,Minimo,Chiusura,Volume", time=form(ISO))), taken=HOURS),
    Shape(name="russian.csv", write=text(lines(HOURS, "Дата,Открытие,Максимум,Минимум,Закрытие,Объём", time=form(ISO))), taken=HOURS),
    Shape(name="chinese.csv", write=text(lines(HOURS, "时间,开盘价,最高价,最低价,收盘价,成交量", time=form(ISO))), taken=HOURS),
    Shape(name="japanese.csv", write=text(lines(DAYS, "日付,始値,高値,安値,終値,出来高", time=form("%Y/%m/%d"))), taken=DAYS),
    Shape(name="korean.csv", write=text(lines(HOURS, "날짜,시가,고가,저가,종가,거래량", time=form(ISO))), taken=HOURS),
    Shape(name="upper_units.csv", write=text(wide("OPEN TIME,OPEN [USDT],HIGH [USDT],LOW [USDT],CLOSE [USDT],VOLUME [BTC]")), taken=HOURS),
]  # fmt: skip
REFUSED = [
    Shape(name="coingecko_ohlc.json", write=text(document([[int(r[0]), *r[1:5].tolist()] for r in HOURS])), said="volume=none"),
    Shape(name="oanda.json", write=text(document({"instrument": "BTC_USD", "candles": [{"time": time_iso(r), "volume": 5, **{side: dict(zip("ohlc", r[1:5].tolist(), strict=True)) for side in ("bid", "ask")}} for r in HOURS]})), said="bid.o", symbol="BTCUSD"),
    Shape(name="oanda_bid.json", write=text(document({"instrument": "BTC_USD", "candles": [{"time": time_iso(r), "volume": 5, "bid": dict(zip("ohlc", r[1:5].tolist(), strict=True))} for r in HOURS]})), said="bid.o", symbol="BTCUSD"),
    Shape(name="coingecko_chart.json", write=text(document({name: [[int(r[0]), r[4]] for r in HOURS] for name in ("prices", "market_caps", "total_volumes")})), said="four prices"),
    Shape(name="bybit_other.json", write=text(document({"retCode": 0, "result": {"symbol": "ETHUSDT", "list": [[f"{r[0]:.0f}", *map(str, r[1:6])] for r in HOURS]}})), said="ETHUSDT"),
    Shape(name="kraken_other.json", write=text(document({"error": [], "result": {"XETHZUSD": [[time_s(r), *map(str, r[1:5]), str(r[4]), str(r[5]), 9] for r in HOURS], "last": 1}})), said="ETHUSD", symbol="BTCUSD"),
    Shape(name="bitstamp_other.json", write=text(document({"data": {"pair": "ETH/USD", "ohlc": objects({"timestamp": time_s, "open": 1, "high": 2, "low": 3, "close": 4, "volume": 5})}})), said="ETHUSD", symbol="BTCUSD"),
    Shape(name="euro_prices.csv", write=text(wide("timestamp,open (EUR),high (EUR),low (EUR),close (EUR),volume")), said="EUR"),
    Shape(name="lira_prices.csv", write=text(wide("timestamp,open_try,high_try,low_try,close_try,volume")), said="TRY"),
    Shape(name="two_places.csv", write=text(jesse_dump("Bybit USDT Perpetual")), said="exchange"),
    Shape(name="DAT_ASCII_BTCUSD_M1_2024.csv", write=text(lines(MINUTES, "", time=form("%Y%m%d %H%M%S"), sign=";")), said="--timezone", symbol="BTCUSD"),
    Shape(name="BTCUSD_Candlestick_1_h_BID_01.06.2024-30.06.2024.csv", write=text(lines(HOURS, "Gmt time,Open,High,Low,Close,Volume", time=form("%d.%m.%Y %H:%M:%S.000"))), said="bid", symbol="BTCUSD"),
    Shape(name="error.json", write=text('{"code":-1121,"msg":"Invalid symbol."}'), said="Invalid symbol"),
    Shape(name="cloudflare.csv", write=text("error code: 1020"), said="no table"),
    Shape(name="message.csv", write=text('{"Note": "Thank you for using Alpha Vantage! Our standard API rate limit is 25 requests per day."}'), said="rate limit"),
]  # fmt: skip
