"""Times, numbers and rows as clocks, spreadsheets and people write them: taken exactly, asked about, or refused."""

from __future__ import annotations

import numpy as np

from storage.candles.importing.sheet import Options
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS
from tests.storage.candles.file_shapes import (
    DAYS,
    HOURS,
    MINUTES,
    START_MS,
    Shape,
    comma,
    form,
    lines,
    text,
    with_value,
)

ISO = "%Y-%m-%d %H:%M:%S"
HEAD = "date,open,high,low,close,volume"
PLAIN = lines(HOURS)
BIG = np.column_stack([HOURS[:, 0], np.round(HOURS[:, 1:5] * 1234.5, 2), np.round(HOURS[:, 5] * 1000)])
LATE = HOURS.copy()  # the last bar opened an hour ago, as the clock of the test has it
LATE[:, 0] += 400 * DAY_MS - 48 * HOUR_MS
SHORT_MONTH = DAYS[:11].copy()


def dated(pattern: str, rows: np.ndarray = HOURS, hours: float = 0.0, **changes: object) -> str:
    return lines(rows, HEAD, time=form(pattern, hours), **changes)  # type: ignore[arg-type]


def mixed_offsets(ms: float) -> str:
    """Return a time as three machines would write it."""
    which = int(ms // HOUR_MS) % 3
    if which == 0:
        return form("%Y-%m-%dT%H:%M:%SZ")(ms)
    return form("%Y-%m-%dT%H:%M:%S+02:00", 2)(ms) if which == 1 else form("%Y-%m-%dT%H:%M:%S-04:00", -4)(ms)


def half_naive(ms: float) -> str:
    return form(ISO + ("+03:00" if ms >= START_MS + 20 * HOUR_MS else ""), 3)(ms)


def indian(value: float) -> str:
    whole, fraction = f"{value:.2f}".split(".")
    head, tail = whole[:-3], whole[-3:]
    grouped = ",".join(
        ([head[: len(head) % 2]] if len(head) % 2 else [])
        + [head[n : n + 2] for n in range(len(head) % 2, len(head), 2)]
    )
    return f'"{grouped + "," if grouped else ""}{tail}.{fraction}"'


def heikin_ashi(rows: np.ndarray = HOURS) -> np.ndarray:
    made = rows.copy()
    made[:, 4] = rows[:, 1:5].mean(axis=1)
    for n in range(1, len(rows)):
        made[n, 1] = (made[n - 1, 1] + made[n - 1, 4]) / 2
    made[:, 2] = made[:, 1:5].max(axis=1)
    made[:, 3] = made[:, 1:5].min(axis=1)
    made[:, 1:5] = np.round(made[:, 1:5], 6)
    return made


def interleaved(*markets: np.ndarray) -> str:
    return lines(np.concatenate(list(zip(*markets, strict=True))), HEAD.replace("date", "timestamp"))


def comments_of_excel() -> str:
    return "sep=;\r\n" + dated("%d.%m.%Y %H:%M", sign=";", number=comma, end="\r\n")


ETHER = np.column_stack([HOURS[:, 0], np.round(HOURS[:, 1:5] / 17, 2), HOURS[:, 5]])
MIXED_FRAMES = "timestamp,timeframe,open,high,low,close,volume\n" + "".join(
    f"{r[0]:.0f},{frame},{r[1]},{r[2]},{r[3]},{r[4]},{r[5]}\n"
    for frame, rows in (("1h", HOURS), ("1d", DAYS))
    for r in rows
)
TAKEN = [
    Shape(name="seconds_scientific.csv", write=text(lines(HOURS, time=lambda ms: f"{ms / 1000:.9e}")), taken=HOURS),
    Shape(name="ms_scientific.csv", write=text(lines(HOURS, time=lambda ms: f"{ms:.12E}")), taken=HOURS),
    Shape(name="ms_decimals.csv", write=text(lines(HOURS, time=lambda ms: f"{ms:.3f}")), taken=HOURS),
    Shape(name="us_float.csv", write=text(lines(HOURS, time=lambda ms: f"{ms * 1000:.1f}")), taken=HOURS),
    Shape(name="seconds_comma.csv", write=text(lines(HOURS, sign=";", time=lambda ms: f"{ms / 1000:.1f}".replace(".", ","), number=comma)), taken=HOURS),
    Shape(name="ms_grouped.csv", write=text(lines(HOURS, time=lambda ms: f'"{ms:,.0f}"')), taken=HOURS),
    Shape(name="apostrophes.csv", write=text("\ufeff" + lines(HOURS, time=lambda ms: f"'{ms:.0f}", number=lambda v: f"'{v}")), taken=HOURS),
    Shape(name="apostrophe_dates.csv", write=text("\ufeff" + dated("'" + ISO)), taken=HOURS),
    Shape(name="excel_sep.csv", write=text("\ufeff" + comments_of_excel()), taken=HOURS),
    Shape(name="formula_text.csv", write=text(lines(HOURS, time=lambda ms: f'"=""{ms:.0f}"""')), taken=HOURS),
    Shape(name="millis_z.csv", write=text(dated("%Y-%m-%dT%H:%M:%S.000Z")), taken=HOURS),
    Shape(name="micros_offset.csv", write=text(dated("%Y-%m-%d %H:%M:%S.000000+00:00")), taken=HOURS),
    Shape(name="nanos_z.csv", write=text(dated("%Y-%m-%dT%H:%M:%S.000000000Z")), taken=HOURS),
    Shape(name="minutes_z.csv", write=text(dated("%Y-%m-%dT%H:%MZ")), taken=HOURS),
    Shape(name="basic_z.csv", write=text(dated("%Y%m%dT%H%M%SZ")), taken=HOURS),
    Shape(name="offset_spaced.csv", write=text(dated(ISO + " +0300", hours=3)), taken=HOURS),
    Shape(name="offset_hours.csv", write=text(dated(ISO + "-04", hours=-4)), taken=HOURS),
    Shape(name="golang.csv", write=text(dated(ISO + " +0000 UTC")), taken=HOURS),
    Shape(name="javascript.csv", write=text(dated("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)")), taken=HOURS),
    Shape(name="rfc.csv", write=text(dated('"%a, %d %b %Y %H:%M:%S GMT"')), taken=HOURS),
    Shape(name="mixed_offsets.csv", write=text(lines(HOURS, HEAD, time=mixed_offsets)), taken=HOURS),
    Shape(name="offset_changes.csv", write=text(lines(HOURS, HEAD, time=lambda ms: form(ISO + ("+02:00" if ms > START_MS + 9 * HOUR_MS else "+01:00"), 2 if ms > START_MS + 9 * HOUR_MS else 1)(ms))), taken=HOURS),
    Shape(name="american_seconds.csv", write=text(dated("%m/%d/%Y %I:%M:%S %p")), taken=HOURS),
    Shape(name="lower_am_pm.csv", write=text(lines(HOURS, HEAD, time=lambda ms: form("%m/%d/%Y %I:%M %p")(ms).lower())), taken=HOURS),
    Shape(name="dotted_am_pm.csv", write=text(lines(HOURS, HEAD, time=lambda ms: form("%m/%d/%Y %I:%M %p")(ms).replace("AM", "a.m.").replace("PM", "p.m."))), taken=HOURS),
    Shape(name="unpadded.csv", write=text(lines(HOURS, HEAD, time=lambda ms: form("%m/%d/%Y %H:%M")(ms).lstrip("0").replace("/0", "/"))), taken=HOURS),
    Shape(name="date_and_am_pm.csv", write=text(lines(HOURS, "Date,Time,Open,High,Low,Close,Volume", time=form("%m/%d/%Y,%I:%M %p"))), taken=HOURS),
    Shape(name="weekday_first.csv", write=text(dated("%a %Y-%m-%d %H:%M")), taken=HOURS),
    Shape(name="long_month.csv", write=text(dated('"%B %d, %Y, %I:%M %p"')), taken=HOURS),
    Shape(name="excel_month.csv", write=text(dated("%d-%b-%y %H:%M")), taken=HOURS),
    Shape(name="slashes_iso.csv", write=text(dated("%Y/%m/%d %H:%M")), taken=HOURS),
    Shape(name="dashes_day_first.csv", write=text(dated("%d-%m-%Y %H:%M")), taken=HOURS),
    Shape(name="twelve_days.csv", write=text(dated("%m/%d/%Y", SHORT_MONTH)), taken=SHORT_MONTH, said="month first"),
    Shape(name="reversed_doubled.csv", write=text(lines(np.concatenate([HOURS[::-1], HOURS[:3]]))), taken=HOURS, said="duplicates"),
    Shape(name="every_row_twice.csv", write=text(lines(np.repeat(HOURS, 2, axis=0))), taken=HOURS, said="dropped 48"),
    Shape(name="swiss.csv", write=text(lines(BIG, number=lambda v: f"{v:,.2f}".replace(",", "'"))), taken=BIG),
    Shape(name="spaced_thousands.csv", write=text(lines(BIG, sign=";", number=lambda v: f"{v:,.2f}".replace(",", "\u00a0").replace(".", ","))), taken=BIG),
    Shape(name="indian.csv", write=text(lines(BIG, number=indian)), taken=BIG),
    Shape(name="dollars.csv", write=text(lines(BIG, number=lambda v: f'"$ {v:,.2f}"')), taken=BIG),
    Shape(name="currency_words.csv", write=text(lines(HOURS, number=lambda v: f"{v} USDT")), taken=HOURS),
    Shape(name="plus_signs.csv", write=text(lines(HOURS, number=lambda v: f"+{v}")), taken=HOURS),
    Shape(name="mixed_ends.csv", write=text(PLAIN.replace("\n", "\r\n", 20)), taken=HOURS),
    Shape(name="mac_and_unix.csv", write=text(PLAIN.replace("\n", "\r", 20)), taken=HOURS),
    Shape(name="body_commas.csv", write=text(lines(HOURS, after=",")), taken=HOURS),
    Shape(name="numbered.csv", write=text("".join(f"{n}," + line for n, line in zip(["", *range(48)], PLAIN.splitlines(True), strict=True))), taken=HOURS),
    Shape(name="frames.csv", write=text(MIXED_FRAMES), taken=HOURS, timeframe="1h"),
    Shape(name="last_seconds.csv", write=text(lines(HOURS, HEAD, time=form("%Y-%m-%d %H:59:59"))), taken=HOURS, said="closes"),
    Shape(name="last_millis.csv", write=text(lines(HOURS, time=lambda ms: f"{ms + HOUR_MS - 1:.0f}")), taken=HOURS, said="closes"),
    Shape(name="end_named.csv", write=text(lines(HOURS, "period_end,open,high,low,close,volume", time=lambda ms: f"{ms + HOUR_MS:.0f}")), taken=HOURS, said="closes"),
    Shape(name="end_chosen.csv", write=text(lines(HOURS, "when,open,high,low,close,volume", time=lambda ms: f"{ms + HOUR_MS:.0f}")), taken=HOURS, said="closes", options=Options(columns={"close_time": "when"})),
    Shape(name="ends_headerless.txt", write=text(lines(HOURS, "", sign=";", time=form("%Y%m%d %H%M%S", 1))), taken=HOURS, said="closes", options=Options(columns={"close_time": "1"})),
    Shape(name="opens_after_all.csv", write=text(lines(np.column_stack([HOURS[:, 0] + HOUR_MS, HOURS[:, 1:]]))), taken=np.column_stack([HOURS[:, 0] + HOUR_MS, HOURS[:, 1:]]), options=Options(columns={"time": "timestamp"})),
    Shape(name="one_unclosed.csv", write=text(lines(np.vstack([LATE, [[LATE[-1, 0] + HOUR_MS, 100, 101, 99, 100, 1]]]))), taken=LATE, said="not closed"),
    Shape(name="late_istanbul.csv", write=text(dated(ISO, LATE, 3)), taken=LATE, options=Options(timezone="Europe/Istanbul")),
    Shape(name="sparse_minutes.csv", write=text(lines(np.delete(MINUTES, [3, 4, 11, 19, 30], axis=0))), taken=np.delete(MINUTES, [3, 4, 11, 19, 30], axis=0)),
    Shape(name="numbered_bars.csv", write=text("".join(f"{n}," + line for n, line in zip(["bar", *range(48)], PLAIN.splitlines(True), strict=True))), taken=HOURS),
    Shape(name="units_row.csv", write=text(PLAIN.replace("\n", "\nms,USDT,USDT,USDT,USDT,BTC\n", 1)), taken=HOURS),
    Shape(name="footer.csv", write=text(PLAIN + "\n# 48 rows\n")  , taken=HOURS),
    Shape(name="footer_words.csv", write=text(PLAIN + "Data provided as is\n"), taken=HOURS, said="left out"),
]  # fmt: skip
REFUSED = [
    Shape(name="ends_of_days.csv", write=text(lines(HOURS, time=lambda ms: f"{ms + HOUR_MS:.0f}")), said="--columns close_time=timestamp"),
    Shape(name="half_naive.csv", write=text(lines(HOURS, HEAD, time=half_naive)), said="offset"),
    Shape(name="dotnet_ticks.csv", write=text(lines(HOURS, time=lambda ms: f"{int(ms) * 10_000 + 621_355_968_000_000_000}")), said="1990"),
    Shape(name="day_numbers.csv", write=text(lines(HOURS, time=lambda ms: f"{ms / DAY_MS:.6f}")), said="no time"),
    Shape(name="two_digit_years.csv", write=text(dated("%y/%m/%d %H:%M", HOURS[:24])), said="2001"),
    Shape(name="future.csv", write=text(lines(np.column_stack([HOURS[:, 0] + 400 * DAY_MS, HOURS[:, 1:]]))), said="future"),
    Shape(name="late_istanbul.csv", write=text(dated(ISO, LATE, 3)), said="--timezone"),
    Shape(name="eastern.csv", write=text(dated(ISO + " EST", hours=-5)), said="--timezone"),
    Shape(name="two_unnamed_markets.csv", write=text(interleaved(HOURS, ETHER)), said="two markets"),
    Shape(name="two_unnamed_last.csv", write=text(interleaved(HOURS, ETHER)), said="two markets", options=Options(keep="last")),
    Shape(name="two_unnamed_stacked.csv", write=text(lines(np.concatenate([HOURS, ETHER]))), said="two markets"),
    Shape(name="frames.csv", write=text(MIXED_FRAMES), said="--timeframe"),
    Shape(name="heikin.csv", write=text(lines(heikin_ashi())), said="Heikin-Ashi"),
    Shape(name="ha_names.csv", write=text(lines(HOURS, "time,HA_open,HA_high,HA_low,HA_close,volume")), said="HA_open"),
    Shape(name="high_below_low.csv", write=text(lines(HOURS, HEAD, order=(1, 3, 2, 4, 5))), said="impossible"),
    Shape(name="negative_price.csv", write=text(lines(with_value(3, 1, -5.0))), said="not above zero"),
    Shape(name="zero_prices.csv", write=text(lines(HOURS * np.array([1, 0, 0, 0, 0, 1]))), said="not above zero"),
    Shape(name="comma_fractions.csv", write=text(lines(HOURS, number=comma)), said="cells"),
    Shape(name="nul_inside.csv", write=text(PLAIN[:900].encode() + b"\0\0\0" + PLAIN[900:].encode()), said="NUL"),
    Shape(name="sums.csv", write=text(PLAIN + "Total,1,2,3,4,5\n"), said="'Total'"),
    Shape(name="bars_without_prices.csv", write=text("timestamp,open,high,low,close,volume\n1717200000000,,,,,\n1717203600000,,,,,\n"), said="no price in any"),
    Shape(name="time_of_day.csv", write=text(dated("%H:%M")), said="date"),
    Shape(name="half_hour_frame.csv", write=text(lines(np.column_stack([START_MS + 30 * MINUTE_MS * np.arange(48), HOURS[:, 1:]]))), said="30m"),
]  # fmt: skip
