"""What a command says: documents without surprises, one line for an error, progress that does not flood a file."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.terminal.output import emit, fail, forwarded, is_verbose, lines_of, progress, style, wants_json, width
from storage.terminal.sparkline import BARS, FLAT, sparkline
from storage.terminal.times import day_of, minute_of
from storage.terminal.words import counted, did_you_mean
from strategies.errors import BadInput, Interrupted, SigmaError

PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(), st.text(max_size=5)),
    lambda parts: st.one_of(st.lists(parts, max_size=4), st.dictionaries(st.text(max_size=4), parts, max_size=4)),
    max_leaves=15,
)


def finite_only(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [finite_only(part) for part in value]
    return {key: finite_only(part) for key, part in value.items()} if isinstance(value, dict) else value


@given(document=PLAIN)
def test_a_document_is_json_that_every_program_reads(document: object) -> None:
    found: list[str] = []
    with pytest.MonkeyPatch.context() as patch, style(as_json=True, verbose=False):
        patch.setattr("builtins.print", lambda text, **_: found.append(text))
        emit(document, "unused")
    assert json.loads(found[0]) == finite_only(document)


def test_numpy_values_and_tuples_become_plain_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with style(as_json=True, verbose=False):
        emit({"n": np.int64(3), "x": np.float32(0.5), "bad": np.float64("nan"), 1: (1, 2)}, "")
    assert json.loads(capsys.readouterr().out) == {"n": 3, "x": 0.5, "bad": None, "1": [1, 2]}


def test_text_is_made_only_where_it_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    made: list[str] = []

    def human() -> str:
        made.append("text")
        return "for people"

    with style(as_json=True, verbose=False):
        emit({}, human)
    assert made == []
    emit({}, human)
    assert (made, capsys.readouterr().out.splitlines()[-1]) == (["text"], "for people")


def test_a_style_ends_with_its_block() -> None:
    with style(as_json=True, verbose=True, wide=True):
        assert (wants_json(), is_verbose(), width(), forwarded()) == (True, True, None, ["--json", "--verbose"])
        with style(as_json=False, verbose=True):
            assert (wants_json(), forwarded()) == (False, ["--verbose"])
        assert wants_json()
    assert (wants_json(), is_verbose(), forwarded()) == (False, False, [])


@pytest.mark.parametrize(
    ("error", "line", "code"),
    [
        (BadInput("found x;\n  y is needed"), "sigma: found x; y is needed", 2),
        (SigmaError("it failed"), "sigma: it failed", 1),
        (Interrupted("interrupted"), "sigma: interrupted", 130),
        (BadInput(""), "sigma: BadInput", 2),
    ],
)
def test_an_error_is_one_line_and_its_own_exit_code(
    error: SigmaError, line: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = io.StringIO()
    assert fail(error, stream, as_json=True) == code
    assert stream.getvalue() == line + "\n"
    said = json.loads(capsys.readouterr().out)
    assert (said["kind"], said["exit_code"]) == (type(error).__name__, code)
    assert said["error"] == line.removeprefix("sigma: ")


@given(total=st.integers(1, 10_000), steps=st.lists(st.integers(0, 10_000), max_size=300).map(sorted))
def test_progress_in_a_file_is_eleven_lines_at_most(total: int, steps: list[int]) -> None:
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("storage.terminal.output.note", said.append)
        with progress("replaying", total, "minutes") as done:
            for step in steps:
                done(min(step, total))
    assert len(said) <= 11
    assert all(line.startswith("replaying: ") and line.endswith(f" of {total:,} minutes") for line in said)


@pytest.mark.parametrize(("silence_s", "said"), [(0.0, 3), (3600.0, 0)])
def test_work_that_is_to_be_brief_speaks_after_a_silence(
    silence_s: float, said: int, capsys: pytest.CaptureFixture[str]
) -> None:
    done = lines_of("fits", 100, silence_s=silence_s)
    for so_far in (10, 20, 30):
        done(so_far)
    assert capsys.readouterr().err.count("fits: ") == said


@pytest.mark.parametrize(
    ("word", "said"),
    [("bundel", "did you mean bundle?"), ("xyz", "sigma --help lists them"), ("", "sigma --help lists them")],
)
def test_the_nearest_word_is_offered_or_none(word: str, said: str) -> None:
    assert did_you_mean(word, ["bundle", "train", "backtest"], "sigma --help lists them") == said


def test_things_are_counted_in_the_right_number() -> None:
    assert [counted(number, "trade") for number in (0, 1, 1204)] == ["0 trades", "1 trade", "1,204 trades"]
    assert counted(2, "entry", "entries") == "2 entries"


@pytest.mark.parametrize(
    ("of", "text"), [(minute_of, "1970-01-02 00:01"), (day_of, "1970-01-02")], ids=["minute", "day"]
)
def test_times_are_utc_or_a_word_for_none(of: Callable[..., str], text: str) -> None:
    assert (of(86_460_000), of(None), of(None, "never")) == (text, "", "never")


@given(values=st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=80), width=st.integers(0, 50))
def test_a_sparkline_is_as_long_as_it_may_be_and_shows_its_extremes(values: list[float], width: int) -> None:
    known = [value for value in values if math.isfinite(value)]
    line = sparkline(values, width)
    assert len(line) == min(width, len(known))
    assert set(line) <= set(BARS)
    if len(known) <= width and known and max(known) > min(known):
        assert line[known.index(max(known))] == BARS[-1]
        assert line[known.index(min(known))] == BARS[0]


def test_a_curve_that_never_moves_lies_in_the_middle() -> None:
    assert sparkline([5.0, 5.0, math.nan, 5.0]) == FLAT * 3
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8]) == BARS
    assert sparkline([-1.7e308, 0.0, 1.7e308]) == BARS[0] + BARS[4] + BARS[-1]
    assert sparkline([0.0, 5e-324]) == BARS[0] + BARS[-1]
