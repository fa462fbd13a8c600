"""Codes that let a chat in: once, for a while, for few tries, readable by the owner only."""

from __future__ import annotations

import math
from pathlib import Path

from bot.telegram.pairing import FILE, LIFE_S, WRONG_TRIES, Pairing, written_code


def test_a_code_is_good_once_and_lies_in_a_file_of_its_owner(tmp_path: Path) -> None:
    pairing = Pairing(lambda: 0.0, tmp_path)
    code = pairing.new_code()
    assert written_code(tmp_path) == code
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert pairing.take(f" {code} ")
    assert not pairing.take(code)
    assert written_code(tmp_path) is None


def test_a_code_ends_after_ten_minutes_or_five_wrong_tries(tmp_path: Path) -> None:
    now = [0.0]
    pairing = Pairing(lambda: now[0], tmp_path)
    late = pairing.new_code()
    now[0] = LIFE_S + 1
    assert not pairing.take(late)
    code = pairing.new_code()
    for _ in range(WRONG_TRIES):
        assert not pairing.take("ünknown")
    assert not pairing.take(code)
    assert written_code(tmp_path) is None


def test_the_first_code_waits_as_long_as_it_takes_and_a_new_one_ends_it(tmp_path: Path) -> None:
    now = [0.0]
    pairing = Pairing(lambda: now[0], tmp_path)
    first = pairing.new_code(math.inf)
    now[0] = 1e9
    second = pairing.new_code(math.inf)
    assert not pairing.take(first)
    assert pairing.take(second)


def test_a_code_of_another_life_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("12345678")
    assert not Pairing(lambda: 0.0, tmp_path).take("12345678")
    assert written_code(tmp_path) is None
