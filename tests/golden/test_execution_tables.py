"""What happens inside a bar, and in which order, drawn so that a person can check it."""

from __future__ import annotations

import pytest

from strategies.kernel.execution import place_order
from strategies.kernel.state import Reason
from strategies.market import UNITS_PER_QUOTE
from tests.golden.tables import NOON_MS, Table, Terms

TABLES: dict[str, tuple[Terms, str]] = {
    "stop_fills_at_open_when_price_gaps_through_it": (
        Terms(stop=0.02, slippage=0.0002),
        """
        # minute | open high low close | do     | expect
          0      | 100  101   99  100  | long   |
          1      | 100  102   99  101  |        | buy 100.02
          2      |  97   98   96   97  |        | stop 96.98      # gapped through 98.02: filled at the open
        """,
    ),
    "stop_fills_at_its_trigger_with_slippage": (
        Terms(stop=0.02, slippage=0.0002),
        """
          0      | 100  101   99  100  | long   |
          1      | 100  102   99  101  |        | buy 100.02
          2      |  99  100   98   99  |        | stop 98.00      # 98.02 x .9998, down to the tick
        """,
    ),
    "stop_can_fall_in_the_very_bar_of_the_fill": (
        Terms(stop=0.02),
        """
          0      | 100  101   99  100  | long   |
          1      | 100  102   97   99  |        | buy 100.00, stop 98.00
        """,
    ),
    "stop_comes_before_take_when_both_lie_within_the_bar": (
        Terms(stop=0.02, take=0.02),
        """
          0      | 100  101   99  100  | short  |
          1      | 100  101   99  100  |        | sell 100.00
          2      | 100  103   97  100  |        | stop 102.00
        """,
    ),
    "take_that_gaps_fills_at_the_better_open": (
        Terms(stop=0.02, take=0.02, slippage=0.01),
        """
          0      | 100  101   99  100  | long   |
          1      | 100  101   99.50 100|        | buy 101.00
          2      | 105  106   95  100  |        | take 105.00     # the gap comes first, though the stop lies within too
        """,
    ),
    "take_fills_at_its_price_without_slippage": (
        Terms(take=0.02, slippage=0.0002),
        """
          0      | 100  101   99  100  | long   |
          1      | 100  101   99  100  |        | buy 100.02
          2      | 101  104  100  103  |        | take 102.03     # 102.0204, rounded away from us
        """,
    ),
    "funding_is_paid_on_what_was_held_before_the_order_fills": (
        Terms(),
        """
          58     | 100  101   99  100  | long   |
          59     | 100  101   99  100  | flat   | buy 100.00
          60     | 110  111  109  110  | funding 0.1%, short | funding -0.11, sell 110.00   # LONG pays, then closes
          61     | 110  111  109  110  |        | sell 110.00
          120    | 100  101   99  100  | funding 0.1% | funding +0.1     # SHORT receives
          180    | 100  101   99  100  | funding -0.05% | funding -0.05  # and pays when the rate is negative
        """,
    ),
    "funding_off_the_hour_is_marked_late": (
        Terms(),
        """
          0      | 100  101   99  100  | long 2 |
          1      | 100  101   99  100  |        | buy 100.00
          7      | 100  101   99  100  | funding 0.01% | late funding -0.02
        """,
    ),
    "flat_account_pays_no_funding": (
        Terms(),
        """
          0      | 100  101   99  100  | funding 1% |
        """,
    ),
    "trail_follows_the_best_price_from_the_next_bar_on": (
        Terms(trail=0.05),
        """
          0      | 100  100  100  100  | long   |
          1      | 100  110   96  110  |        | buy 100.00      # its own high tightens nothing yet
          2      | 110  120  105  120  |        |                 # trail 110 x .95 = 104.50
          3      | 118  118  113  115  |        | trail 114.00    # trail 120 x .95
        """,
    ),
    "tighter_of_stop_and_trail_rules": (
        Terms(stop=0.02, trail=0.05),
        """
          0      | 100  100  100  100  | short  |
          1      | 100  100   99  100  |        | sell 100.00
          2      | 100  102   99  101  |        | stop 102.00     # the trail would be 103.95
        """,
    ),
    "liquidation_comes_before_a_stop_that_lies_beyond_it": (
        Terms(stop=0.15, leverage=10, maintenance=0.01),
        """
          0      | 100  101   99  100  | long   |
          1      | 100  101   99  100  |        | buy 100.00
          2      |  95   95   80   85  |        | liquidation 90.91   # 100 (1 - 1/10) / (1 - .01), rounded towards us
        """,
    ),
    "stop_nearer_than_liquidation_saves_the_margin": (
        Terms(stop=0.05, leverage=10),
        """
          0      | 100  101   99  100  | long   |
          1      | 100  101   99  100  |        | buy 100.00
          2      |  99   99   80   85  |        | stop 95.00
        """,
    ),
    "liquidation_never_loses_more_than_the_margin": (
        Terms(leverage=10, maintenance=0.01, slippage=0.05),
        """
          0      | 100  101   99  100  | short  |
          1      | 100  101   99  100  |        | sell 95.00
          2      | 150  160  150  150  |        | liquidation 104.50  # bankrupt at 95 x 1.1: the rest is not ours
        """,
    ),
    "reversal_is_one_order_and_two_fills_at_one_price": (
        Terms(slippage=0.0002),
        """
          0      | 100  101   99  100  | long 2 |
          1      | 100  101   99  100  | short 3 | buy 100.02
          2      | 110  111  109  110  |        | sell 109.97, sell 109.97
        """,
    ),
    "partial_changes_keep_the_round_trip_open": (
        Terms(stop=0.02),
        """
          0      | 100  101   99  100  | long 2 |
          1      | 100  101   99  100  | hold 5 | buy 100.00
          2      | 101  102  100  101  | hold 1 | buy 101.00
          3      | 102  103  101  102  |        | sell 102.00
          4      |  99   99   97   98  |        | stop 98.00      # still measured from the first fill
        """,
    ),
    "entry_due_at_an_absent_bar_is_missed_and_an_exit_waits": (
        Terms(),
        """
          0      | 100  101   99  100  | long   |
          1      | -                   |        | missed late
          2      | 100  101   99  100  | long   |
          3      | 100  101   99  100  | flat   | buy 100.00
          4      | -                   |        |
          5      |  97   98   96   97  |        | sell 97.00
        """,
    ),
    "reversal_due_at_an_absent_bar_only_closes": (
        Terms(),
        """
          0      | 100  101   99  100  | long   |
          1      | 100  101   99  100  | short  | buy 100.00
          2      | -                   |        | missed late
          3      | 105  106  104  105  |        | sell 105.00
          4      | 105  106  104  105  |        |
        """,
    ),
    "order_due_at_the_open_fills_before_the_stop": (
        Terms(stop=0.02),
        """
          0      | 100  101   99  100  | long 2 |
          1      | 100  101   99  100  |        | buy 100.00
          2      | 100  101   99  100  | hold 3 |
          3      |  90   91   89   90  |        | buy 90.00, stop 90.00   # due at this open: filled before the stop
        """,
    ),
    "daily_loss_closes_everything_at_the_next_bar_until_midnight": (
        Terms(daily_loss_stop=0.04, start_ms=NOON_MS + 43_200_000 - 300_000),  # five minutes to midnight
        """
          0      | 100  101   99  100  | long 5 |
          1      | 100  101   99  100  |        | buy 100.00
          2      |  93   93   92   92  |        | lock daily_loss     # 1000 - 5 x 8 = 960
          3      |  91   91   91   91  |        | daily_loss 91.00
          4      |  91   91   91   91  |        |
          5      |  91   91   91   91  |        | unlock daily_loss   # 00:00 UTC
        """,
    ),
    "drawdown_is_measured_from_the_peak_and_lifted_by_a_person": (
        Terms(drawdown_stop=0.1),
        """
          0      | 100  100  100  100  | long 10 |
          1      | 100  150  100  150  |        | buy 100.00          # equity 1500
          2      | 150  150  135  135  |        | lock drawdown       # 1350 = 1500 x .9
          3      | 135  135  135  135  |        | drawdown 135.00
          4      | 135  135  135  135  | unlock | unlock drawdown     # the peak is now 1350
          5      | 135  135  135  135  | long 1 |
          6      | 135  135  135  135  |        | buy 135.00
        """,
    ),
    "kill_switch_pauses_drops_the_entry_and_closes": (
        Terms(),
        """
          0      | 100  101   99  100  | long   |
          1      | 100  101   99  100  | short, stop | buy 100.00, lock kill_switch, missed kill_switch
          2      |  98   99   97   98  |        | kill_switch 98.00
          3      |  98   99   97   98  | resume | unlock paused
        """,
    ),
    "pause_drops_the_waiting_entry_and_keeps_the_position": (
        Terms(),
        """
          0      | 100  101   99  100  | long 1 |
          1      | 100  101   99  100  | hold 3, pause | buy 100.00, lock paused, missed paused
          2      | 101  102  100  101  | flat   |
          3      | 102  103  101  102  |        | sell 102.00         # exits ask nobody
        """,
    ),
    "close_command_closes_at_the_next_bar": (
        Terms(),
        """
          0      | 100  101   99  100  | short  |
          1      | 100  101   99  100  | close  | sell 100.00
          2      |  98   99   97   98  |        | command 98.00
        """,
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_golden_table(name: str) -> None:
    terms, rows = TABLES[name]
    assert Table(terms).play(rows) == []


def test_reversal_books_each_round_trip_exactly() -> None:
    table = Table(Terms(fee=0.001))
    table.play("0 | 100 101 99 100 | long 2 |\n1 | 100 101 99 100 | short 3 |")
    table.play("2 | 110 111 109 110 | |")
    closed, opened = table.facts[:2]
    assert (closed["trade"], opened["trade"]) == (1, 2)
    assert closed["position"] == 0
    assert closed["trade_cash_flow"] == round((20 - 0.2 - 0.22) * UNITS_PER_QUOTE)
    assert opened["trade_cash_flow"] == opened["cash_flow"] == round((330 - 0.33) * UNITS_PER_QUOTE)
    assert table.state.account["trades"][0] == 1


def test_block_stands_on_each_stopped_side_on_its_own() -> None:
    table = Table(Terms(stop=0.02, block_minutes=60))
    rows = """
      0 | 100 101  99 100 | long  |
      1 | 100 101  97 100 | short | buy 100.00, stop 98.00
      2 | 100 103 100 100 |       | sell 100.00, stop 102.00
    """
    assert table.play(rows) == []
    position = table.state.positions[0]
    assert position["long_blocked_until_ms"] == NOON_MS + 61 * 60_000
    assert position["short_blocked_until_ms"] == NOON_MS + 62 * 60_000


def test_order_waiting_for_the_stopped_side_is_dropped() -> None:
    table = Table(Terms(stop=0.02))
    table.play("0 | 100 101 99 100 | long 2 |\n1 | 100 101 99 100 | |")
    place_order(table.state.orders, 0, 3, NOON_MS + 600_000, 0, int(Reason.REBALANCE), 0, 0, 0)
    assert table.play("2 | 100 101 97 100 | | stop 98.00\n11 | 100 101 99 100 | |") == []


def test_liquidation_pays_its_fee_on_top() -> None:
    table = Table(Terms(leverage=10, fee=0.001, liquidation_fee=0.01))
    table.play("0 | 100 101 99 100 | long |\n1 | 100 101 99 100 | |")
    table.play("2 | 95 95 80 85 | |")
    fact = table.facts[0]
    assert fact["price"] == 9_000
    assert fact["fee"] == round(90 * 0.011 * UNITS_PER_QUOTE)
    assert fact["trade_cash_flow"] == -round((10 + 0.1 + 90 * 0.011) * UNITS_PER_QUOTE)
