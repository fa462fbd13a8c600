"""Text for a phone: never wider than its columns, never longer than a message, never broken HTML."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.telegram.tables import COLUMNS, bold, fitted, pairs, plain, pre, table

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30)
ROWS = st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=8)


def lines_of(block: str) -> list[str]:
    assert block.startswith("<pre>")
    assert block.endswith("</pre>")
    return unescape(block.removeprefix("<pre>").removesuffix("</pre>")).split("\n")


class Balanced(HTMLParser):
    """Fails where a tag is closed that was not opened last."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def is_balanced(text: str) -> bool:
    parser = Balanced()
    parser.feed(text)
    return not parser.open


@given(rows=ROWS)
def test_a_table_fits_the_columns_of_a_phone(rows: list[tuple[str, str, str]]) -> None:
    lines = lines_of(table(["market", "net", "since"], rows))
    assert len(lines) == len(rows) + 1
    assert max(map(len, lines)) <= COLUMNS


def test_words_are_cut_before_numbers() -> None:
    [_, line] = lines_of(table(["because", "net"], [["the conviction faded below its threshold", "+1,234.56"]]))
    assert line.endswith("… +1,234.56")
    assert len(line) == COLUMNS


@given(values=st.lists(st.tuples(WORDS.map(lambda word: word[:12]), st.text("ab <&>", max_size=90)), max_size=5))
def test_pairs_fit_too_and_lose_no_word(values: list[tuple[str, str]]) -> None:
    lines = lines_of(pairs(values))
    assert max(map(len, lines)) <= COLUMNS
    assert "".join("".join(lines).split()) == "".join("".join(name + value for name, value in values).split())


@given(text=st.text("ab <&>\n", max_size=200))
def test_whatever_stands_in_a_text_is_shown_and_not_obeyed(text: str) -> None:
    for shown in (plain(text), bold(text), pre(text)):
        assert is_balanced(shown)
    assert unescape(plain(text)) == text
    assert unescape(bold(text)) == f"<b>{text}</b>"


@given(rows=st.lists(st.text("abc ", min_size=1, max_size=40), min_size=5, max_size=60), limit=st.integers(80, 400))
def test_a_text_that_is_too_long_ends_at_a_line_with_its_blocks_closed(rows: list[str], limit: int) -> None:
    text = f"{bold('head')}\n{pre(chr(10).join(rows))}"
    short = fitted(text, limit)
    assert len(short) <= limit
    assert is_balanced(short)
    assert (short == text) == (len(text) <= limit)
    if short != text:
        assert re.search(r"\n… shortened$", short)


@pytest.mark.parametrize("text", ["short", "", "x" * 4096])
def test_what_fits_stays_as_it_is(text: str) -> None:
    assert fitted(text) == text
