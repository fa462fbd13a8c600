"""Whether an agent that sizes the book earns more than the fixed rule: PPO, once a day, judged on other coins.

    python -m benchmarks.book_agent --trade SYMBOL,SYMBOL,… [--start-date 2021-09-01] [--end-date 2025-07-01] [--json]

One walk forward over a panel (fold models come from the cache where `sigma walk-forward` ran before), coins left out in
two groups, each an account of its own. The agent learns on the first group: before each year from all days before it,
three seeds as one agent, the kernel as its world. It is judged on those years by the second group. Beside it stand each
seed, every choice kept for good, the one that was best for the learning coins on the days before (that is its honest
rival), and chance. Every line goes into the trial ledger of `[paths] runs`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.book import Half, add_panel, costs_of, half_of, walked_panel
from benchmarks.figures import Figure, parser, show
from storage.models.trial_log import Trial
from strategies.kernel.settings import TradingSettings
from strategies.market import DAY_MS
from strategies.values import finite
from training.ensemble.removal import Removal
from training.evidence.performance import sharpe
from training.evidence.trial_ledger import DailyReturns, recipe_digest, record
from training.runtime.progress import configuration
from training.sizing.account import Book
from training.sizing.agent import PPO_SETTINGS, Recipe, SizingAgent, fit
from training.sizing.environment import Past, Worth
from training.sizing.judgement import Always, Chooser, Lived, Term, by_chance, live, verdict
from training.sizing.levels import BANDS, DEFAULT, GROSS, LEAST, actions, choice_of
from training.walk_forward.panel import YEAR_D

KINDS: Final = ("as is", "costs x 2", "by turnover")
AGENTS: Final[Mapping[str, Recipe]] = {  # the list was written down before any of them was judged
    "agent, log return": Recipe(worth=Worth(caution=0.0)),
    "agent, less variance": Recipe(worth=Worth(caution=0.1)),
}
FIXED: Final = "fixed rule"
RIVAL: Final = "best constant before"
CHANCE: Final = "by chance"
ROLES: Final = ("taught, other days", "taught nothing")
Pasts = Mapping[str, Past]  # by kind of costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way of sizing on one group of coins, by kind of costs."""

    name: str
    lived: Mapping[str, Lived]

    @property
    def as_is(self) -> Lived:
        return self.lived[KINDS[0]]

    def ahead_of(self, other: Row) -> list[Removal]:
        """Return the paired differences, by kind of costs."""
        return [self.lived[kind].ahead_of(other.lived[kind]) for kind in KINDS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """Everything that was tried: rows of each group of coins, and the last agents where they learnt.

    Attributes:
        rows: of the coins that taught, then of those that taught nothing; the fixed rule first.
        learnt: by agent, net Sharpe ratios of it and of the fixed rule on the coins and days that taught it last.
        cpu_s: of training, all of it.
    """

    rows: tuple[Sequence[Row], Sequence[Row]]
    learnt: Mapping[str, tuple[float, float]]
    cpu_s: float


def main() -> None:
    arguments = parser("book_agent", str(__doc__))
    add_panel(arguments)
    steps, seeds = PPO_SETTINGS.total_timesteps, PPO_SETTINGS.seeds
    arguments.add_argument("--steps", type=int, default=steps, help="days that each seed lives through")
    arguments.add_argument("--seeds", type=int, default=seeds, help="of each agent")
    arguments.add_argument("--agents", default="", help=f"of {'; '.join(AGENTS)}; empty: all")
    asked = arguments.parse_args()
    chosen = [name.strip() for name in asked.agents.split(";") if name.strip()] or list(AGENTS)
    if unknown := sorted(set(chosen) - set(AGENTS)):
        arguments.error(f"there is no {', '.join(unknown)}; known are {'; '.join(AGENTS)}")
    walked, trading = walked_panel(asked)
    halves = [half_of(walked, group) for group in walked.groups]
    ppo = PPO_SETTINGS.model_copy(update={"total_timesteps": asked.steps, "seeds": asked.seeds})
    recipes = {name: replace(AGENTS[name], ppo=ppo) for name in chosen}
    found = tried(halves, trading, recipes)
    for half, rows in zip(halves, found.rows, strict=True):
        write_down(rows, half, recipes, configuration().paths.runs)
    if not asked.json:
        print_rows(found, halves)
    show("book_agent", figures_of(found), as_json=asked.json, rows=documents(found), verdicts=verdicts(found))


def tried(
    halves: Sequence[Half], trading: TradingSettings, recipes: Mapping[str, Recipe], *, year_d: int = YEAR_D
) -> Walked:
    """Teach on the first half, year by year, and judge every way of sizing on both."""
    pasts = [{kind: past_of(half, trading, kind) for kind in KINDS} for half in halves]
    days = min(past.until for kinds in pasts for past in kinds.values())
    years = [(first, min(first + year_d, days)) for first in range(year_d, days, year_d)]
    lesson, begun = pasts[0][KINDS[0]], time.process_time()
    agents = {
        name: [fit(lesson.before(first), recipe, seed=7) for first, _ in years] for name, recipe in recipes.items()
    }
    cpu_s = time.process_time() - begun
    constants = [constants_of(kinds) for kinds in pasts]
    rows = [rows_of(kinds, agents, own, constants[0], years) for kinds, own in zip(pasts, constants, strict=True)]
    learnt = {name: _learnt(lesson, own[-1], years[-1][0]) for name, own in agents.items()}
    return Walked(rows=(rows[0], rows[1]), learnt=learnt, cpu_s=cpu_s)


def rows_of(
    kinds: Pasts,
    agents: Mapping[str, Sequence[SizingAgent]],
    constants: Sequence[Row],
    before: Sequence[Row],
    years: Sequence[tuple[int, int]],
) -> list[Row]:
    """Return every way of sizing on a group of coins, the fixed rule first.

    Args:
        agents: by name, that of each year.
        constants: of the group.
        before: constants of the coins that taught, whose best one before a year is the rival.
    """
    ways: dict[str, list[Chooser]] = {}
    for name, own in agents.items():
        ways[name] = list(own)
        for index in range(len(own[0].actors)):
            ways[f"{name}, seed {index + 1}"] = [SizingAgent(actors=(agent.actors[index],)) for agent in own]
    ways[RIVAL] = [Always(actions()[_best_before(before, first)]) for first, _ in years]
    rows = [
        Row(name=name, lived={kind: _live(past, years, way) for kind, past in kinds.items()})
        for name, way in ways.items()
    ]
    chance = {kind: _live(past, years, [by_chance(7)] * len(years)) for kind, past in kinds.items()}
    own_constants = [_since(row, years[0][0]) for row in constants]
    return [own_constants[0], *rows, Row(name=CHANCE, lived=chance), *own_constants[1:]]


def past_of(half: Half, trading: TradingSettings, kind: str) -> Past:
    settings, records = costs_of(half, trading, kind)
    return Past(Book.of(half.path, half.candles, settings, records))


def constants_of(kinds: Pasts) -> list[Row]:
    """Return every choice kept from the first day on, the fixed rule first."""
    return [
        Row(
            name=choice_of(action).name,
            lived={
                kind: live(past, [Term(first=past.first, until=past.until, chooser=Always(action))])
                for kind, past in kinds.items()
            },
        )
        for action in actions()
    ]


def _since(row: Row, day: int) -> Row:
    """Return the later days of a constant choice, whose levels are the same on all."""
    cut = {
        kind: replace(
            part,
            days=part.days[part.days >= day],
            returns=part.returns[part.days >= day],
            turnovers=part.turnovers[part.days >= day],
        )
        for kind, part in row.lived.items()
    }
    return Row(name=row.name, lived=cut)


def _best_before(constants: Sequence[Row], day: int) -> int:
    """Return which constant had the greatest mean of its net Sharpe ratios on the days before one."""
    means = [np.mean([sharpe(part.returns[part.days < day]) for part in row.lived.values()]) for row in constants]
    return int(np.nanargmax(means))


def _live(past: Past, years: Sequence[tuple[int, int]], choosers: Sequence[Chooser]) -> Lived:
    return live(
        past, [Term(first=year[0], until=year[1], chooser=who) for year, who in zip(years, choosers, strict=True)]
    )


def _learnt(lesson: Past, agent: SizingAgent, until: int) -> tuple[float, float]:
    own = live(lesson, [Term(first=1, until=until, chooser=agent)])
    fixed = live(lesson, [Term(first=1, until=until, chooser=Always(DEFAULT))])
    return own.sharpe, fixed.sharpe


def write_down(rows: Sequence[Row], half: Half, recipes: Mapping[str, Recipe], runs: Path) -> None:
    """Write every line of a group of coins into the trial ledger."""
    symbols = [market.symbol for market in half.candles.markets]
    first_day = half.candles.start_ms // DAY_MS
    for row in rows:
        lived = row.as_is
        made = [recipe.describe() for name, recipe in recipes.items() if row.name.startswith(name)]
        recipe = recipe_digest({"book agent": row.name, "symbols": symbols, "recipe": made})
        trial = Trial(
            at_ms=int(time.time() * 1000),
            kind=f"book agent: {row.name}",
            recipe=recipe,
            params={"symbols": symbols, "start_ms": half.candles.start_ms, "end_ms": half.candles.end_ms},
            sharpe=finite(lived.sharpe),
        )
        record(trial, DailyReturns(days=first_day + lived.days, values=lived.returns), runs)


def verdicts(found: Walked) -> list[str]:
    """Return in words what each agent is worth on coins that taught it nothing, beside the rule and its rival."""
    rows = {row.name: row for row in found.rows[1]}
    said = [verdict(name, rows[name].ahead_of(rows[FIXED])[:2]) for name in found.learnt]
    return [*said, verdict(RIVAL, rows[RIVAL].ahead_of(rows[FIXED])[:2])]


def documents(found: Walked) -> list[dict[str, Any]]:
    """Return every row of both groups for programs."""
    return [
        {
            "coins": role,
            "name": row.name,
            "sharpe": {kind: finite(round(part.sharpe, 3)) for kind, part in row.lived.items()},
            "ahead": [[round(gain.difference, 3), round(gain.error, 3)] for gain in row.ahead_of(rows[0])],
            "turnover": round(row.as_is.turnover, 3),
            "taken": [[round(float(share), 3) for share in part] for part in row.as_is.taken],
        }
        for role, rows in zip(ROLES, found.rows, strict=True)
        for row in rows
    ]


def figures_of(found: Walked) -> list[Figure]:
    """Return the benchmark's figures: the agents on coins that taught them nothing."""
    rows = {row.name: row for row in found.rows[1]}
    figures = [Figure(name="training", value=round(found.cpu_s, 1), unit="s of processor time")]
    for name in (*found.learnt, RIVAL, CHANCE):
        gain = rows[name].ahead_of(rows[FIXED])[0]
        figures.append(
            Figure(
                name=f"net Sharpe, {name}",
                value=round(gain.sharpe_with, 3),
                unit="a year",
                rival=FIXED,
                rival_value=round(gain.sharpe_without, 3),
            )
        )
    return figures


def print_rows(found: Walked, halves: Sequence[Half]) -> None:
    """Print every line of both groups, what the agents did, and the verdicts."""
    columns = f"{' / '.join(KINDS)}; ahead of the fixed rule; turnover a day; years"
    for role, half, rows in zip(ROLES, halves, found.rows, strict=True):
        print(f"\n{len(half.candles.markets)} coins that {role}, {len(rows[0].as_is.returns):,} days: {columns}")
        for row in rows:
            print(f"  {row.name:30} {_line(row, rows[0])}")
    levels = [[format(level, "g") if level is not None else "rule" for level in part] for part in (GROSS, BANDS, LEAST)]
    print(f"\nshare of days, %: gross {' '.join(levels[0])} | band {' '.join(levels[1])} | exit {' '.join(levels[2])}")
    for role, rows in zip(ROLES, found.rows, strict=True):
        for row in rows:
            if row.name.startswith((*found.learnt, RIVAL, CHANCE)):
                shares = " | ".join(" ".join(f"{100 * share:3.0f}" for share in part) for part in row.as_is.taken)
                print(f"  {row.name:30} {shares}   {role}")
    for name, (own, fixed) in found.learnt.items():
        print(f"{name}, on the coins and days that taught it last: {own:.2f}, fixed rule {fixed:.2f}")
    print(f"{found.cpu_s:.0f} s of processor time taught the agents")
    print(*verdicts(found), sep="\n")


def _line(row: Row, fixed: Row) -> str:
    ratios = " / ".join(f"{part.sharpe:5.2f}" for part in row.lived.values())
    gains = " / ".join(f"{gain.difference:+.2f} ± {gain.error:.2f}" for gain in row.ahead_of(fixed))
    returns = row.as_is.returns
    years = " ".join(f"{sharpe(returns[at : at + YEAR_D]):.2f}" for at in range(0, len(returns), YEAR_D))
    return f"{ratios}; {gains}; {row.as_is.turnover:.2f}; {years}"


if __name__ == "__main__":
    main()
