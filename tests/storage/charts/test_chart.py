"""Charts as values: times that ascend, holes, marks in order, and nothing that could end the page's script."""

from __future__ import annotations

import json

import numpy as np

from storage.charts.chart import Chart, Mark, Series
from storage.charts.page import placed, scripts, style


def line(times: list[int], values: list[float], name: str = "equity") -> Series:
    return Series(name=name, style="line", times=np.array(times), values=np.array(values))


def test_times_are_seconds_told_as_differences_and_a_hole_stays_a_hole() -> None:
    document = line([60_000, 120_000, 240_000], [1.0, float("nan"), 1 / 3]).document()
    assert document["times"] == [60, 60, 120]
    assert document["values"] == [1.0, None, 0.3333333]


def test_of_equal_times_the_last_is_kept() -> None:
    document = line([60_000, 60_500, 120_000], [1.0, 2.0, 3.0]).document()
    assert (document["times"], document["values"]) == ([60, 60], [2.0, 3.0])


def test_candles_have_four_values_a_time_and_nothing_is_drawn_of_nothing() -> None:
    candles = Series(name="price", style="candles", times=np.array([0, 60_000]), values=np.arange(8.0).reshape(2, 4))
    assert candles.document()["values"] == list(range(8))
    assert line([], []).document()["times"] == []


def test_marks_stand_in_order_and_no_text_ends_the_script() -> None:
    marks = [Mark(ms=ms, above=True, shape="circle", colour="good", text="</script>") for ms in (120_000, 60_000)]
    chart = Chart(series=[line([60_000], [1.0], name="</script><b>")], marks=marks)
    document = json.loads(chart.json())
    assert [mark["time"] for mark in document["marks"]] == [60, 120]
    shown = placed(3, chart)
    assert shown.count("</script>") == 1
    assert "<b>" not in shown.split("<script", 1)[0]


def test_the_library_becomes_an_object_that_a_plain_script_can_use() -> None:
    text = scripts()
    assert "const LightweightCharts={AreaSeries:" in text
    assert "export{" not in text
    assert text.count("</script>") == 1
    assert "TradingView" in text
    assert "--blue" in style()
