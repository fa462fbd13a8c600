"""The panel's evidence as rows of words and numbers, for the terminal and the page alike."""

from __future__ import annotations

from training.report.tables import number
from training.walk_forward.panel import Panel

Rows = list[tuple[str, str]]


def panel_rows(panel: Panel) -> Rows:
    """Return what the coins prove together, a row a figure."""
    skill, placebo = panel.skill, panel.placebo
    how = f"coins left out in {panel.groups} groups" if panel.groups else "every coin has taught, with its past"
    rows = [
        (f"panel of {panel.coins} coins, {how}: IC", f"{number(skill.ic, 4)} ± {number(skill.error, 4)}"),
        ("IC, 95 % interval", f"{number(skill.low, 4)} to {number(skill.high, 4)}"),
        ("IC of each year", ", ".join(number(value, 3) for value in skill.years)),
        ("coins with an IC above 0", f"{skill.positive} of {len(skill.coins)}"),
        ("deviation of true ICs between coins", number(skill.between, 4)),
        ("as many independent coins", number(skill.breadth, 1)),
        (
            "believed IC, of one who expected none before",
            f"{number(skill.believed, 4)} ± {number(skill.believed_error, 4)}, above 0: {skill.chance:.1%}",
        ),
        ("net Sharpe of the whole panel as one book", f"{number(panel.sharpe)} ± {number(panel.sharpe_error)}"),
        ("net Sharpe of each year", ", ".join(number(value) for value in panel.sharpe_years)),
        ("net Sharpe at slippage by turnover", number(panel.sharpe_liquidity)),
    ]
    rows += [
        (
            f"net Sharpe of {book.coins} coins drawn {book.draws} times",
            f"{number(book.mean)} ± {number(book.deviation)} between books, costs x 2 {number(book.mean_double_costs)}",
        )
        for book in panel.books
    ]
    rows += [
        (
            f"placebo, {placebo.shifts} shifts in time",
            f"IC {number(placebo.ic, 4)} ± {number(placebo.ic_deviation, 4)}, "
            f"Sharpe {number(placebo.sharpe)} ± {number(placebo.sharpe_deviation)}",
        )
    ]
    if panel.sleeve is not None:
        words = (
            f"{number(panel.sleeve.sharpe_with)}, {number(panel.sleeve.difference)} ± {number(panel.sleeve.error)} more"
        )
        rows.append(("net Sharpe with half of the risk in cross-sectional momentum", words))
    rows.append(
        ("likelihood ratio on live candles", "stops harm only; it cannot prove an edge sooner than these years")
    )
    ahead = {rule.family: f"{number(-rule.difference)} ± {number(rule.error)}" for rule in panel.beside}
    return rows + [(f"Sharpe ahead of {name}", words) for name, words in ahead.items()]


def coin_rows(panel: Panel) -> list[tuple[str, ...]]:
    """Return a row a coin, the strongest first: days, IC, its error, what is believed of it, slippage in bp."""
    return [
        (
            coin.symbol,
            f"{coin.days:,}",
            number(coin.ic, 4),
            number(coin.error, 4),
            number(coin.shrunk, 4),
            number(panel.slippages[coin.symbol], 0),
        )
        for coin in panel.skill.coins
    ]
