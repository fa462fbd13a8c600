"""Run kinds: the batch commands a person may start beside trading, with their options and argument vectors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.retraining.child_process import CLI, PROGRAM
from bot.views.runs import RunKind, RunOption
from storage.language import N_
from strategies.errors import Conflict, NotFound

DAY: Final = r"\d{4}-\d\d-\d\d"
# Browsers read these patterns, too: their \w knows Latin letters only, and 币安人生USDT is a market.
_LETTERS: Final = r"A-Za-z0-9\u00c0-\u024f\u0370-\u04ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3"
_NAME: Final = rf"[{_LETTERS}][{_LETTERS}_\-]{{1,39}}"
SYMBOLS: Final = rf"{_NAME}(,{_NAME}){{0,499}}"
COUNT: Final = r"\d{1,5}"
NUMBER: Final = r"\d{1,3}(\.\d{1,3})?"
FAMILIES: Final = ("xgboost", "lstm", "ridge", "ppo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command's words, and whether it writes a report."""

    shown: RunKind
    words: tuple[str, ...]
    program: tuple[str, ...] = PROGRAM
    positional: tuple[str, ...] = ()
    has_report: bool = False

    def arguments(self, options: Mapping[str, str], report: Path) -> list[str]:
        """Return what the program is given.

        Raises:
            NotFound: an option is not known.
            Conflict: its value is not what it has to look like.
        """
        known = {part.name: part for part in self.shown.options}
        for name, value in options.items():
            if name not in known:
                raise NotFound(f"option {name!r} is not known; {self.shown.kind} takes {', '.join(known)}")
            part = known[name]
            if part.choices and value not in part.choices:
                raise Conflict(f"{name} is {value!r}; one of {', '.join(part.choices)} is needed")
            if not re.fullmatch(part.pattern, value):
                raise Conflict(f"{name} is {value[:60]!r}, which is not {part.label.lower()}")
        words = [
            word.format(**{name: part.default for name, part in known.items()} | dict(options)) for word in self.words
        ]
        words += [options.get(name) or known[name].default for name in self.positional]
        named = [name for name in options if name not in self.positional and f"{{{name}}}" not in self.words]
        words += [word for name in named for word in (f"--{name.replace('_', '-')}", options[name])]
        return [*words, "--report", str(report)] if self.has_report else words


def _option(name: str, label: str, pattern: str, default: str = "", choices: Sequence[str] = ()) -> RunOption:
    return RunOption(name=name, label=label, pattern=pattern, default=default, choices=list(choices))


_MARKETS: Final = _option("symbols", N_("Markets, comma separated"), SYMBOLS)
_SINCE: Final = _option("start_date", N_("First day"), DAY)
_UNTIL: Final = _option("end_date", N_("Last day, exclusive"), DAY)
_COSTS: Final = _option("costs_factor", N_("Costs times"), NUMBER)


def _command(kind: str, title: str, summary: str, options: Sequence[RunOption], **rest: object) -> Command:
    shown = RunKind(kind=kind, title=title, summary=summary, options=list(options))
    return Command(shown=shown, **{"words": (kind,), **rest})  # type: ignore[arg-type]


COMMANDS: Final[dict[str, Command]] = {
    part.shown.kind: part
    for part in (
        _command(
            "backtest",
            N_("Backtest"),
            N_("Trade a bundle over stored bars it has not seen."),
            [
                _option("model", N_("Bundle: an id, production or trend"), r"[a-z0-9-]{2,70}", "production"),
                _MARKETS,
                _SINCE,
                _UNTIL,
                _option("sides", N_("Sides"), "both|long|short", "", ("both", "long", "short")),
                _COSTS,
            ],
            has_report=True,
        ),
        _command(
            "walk-forward",
            N_("Walk forward"),
            N_("Retrain over history in purged folds; trade what each fold had not seen."),
            [
                _option("model_type", N_("Model"), r"[a-z]+", "ensemble", ("ensemble", *FAMILIES)),
                _MARKETS,
                _option("train_window", N_("Days a fold learns from, or all"), r"\d{1,5}|all"),
                _option("test_window", N_("Days a fold is tested"), COUNT),
                _SINCE,
                _UNTIL,
                _COSTS,
            ],
            has_report=True,
        ),
        _command(
            "tune",
            N_("Tune"),
            N_("Search a family's settings by out-of-fold IC."),
            [
                _option("family", N_("Model family"), r"[a-z]+", "xgboost", FAMILIES),
                _option("trials", N_("Trials"), COUNT, "20"),
                _MARKETS,
            ],
            words=("tune", "{family}"),
        ),
        _command(
            "simulate",
            N_("Simulate"),
            N_("Live through history with the daemon's own routine, retrainings and all."),
            [
                _option("start_date", N_("First day"), DAY),
                _UNTIL,
                _MARKETS,
                _option("families", N_("Voters, comma separated"), r"[a-z]+(,[a-z]+)*"),
                _option("retrain_months", N_("Months between trainings"), COUNT),
            ],
            has_report=True,
        ),
        _command(
            "train",
            N_("Train a bundle"),
            N_("Train, calibrate and pack a bundle; it waits to be promoted."),
            [_MARKETS, _option("families", N_("Voters, comma separated"), r"[a-z]+(,[a-z]+)*")],
            words=("train", "bundle"),
        ),
        _command(
            "download",
            N_("Download data"),
            N_("Fetch candles and funding rates into the store."),
            [
                _MARKETS,
                _option("timeframe", N_("Timeframe"), r"[0-9a-z]+", "1h", ("1m", "5m", "15m", "1h", "4h", "1d")),
                _option("market", N_("Kind of market"), r"[a-z]+", "futures", ("futures", "spot")),
                _option("since", N_("First day"), DAY),
                _option("until", N_("Last day"), DAY),
            ],
            words=("data", "download"),
            program=CLI,
            positional=("symbols", "timeframe", "market"),
        ),
    )
}


def command_of(kind: str) -> Command:
    """Return a command by its kind.

    Raises:
        NotFound: there is none.
    """
    if kind not in COMMANDS:
        raise NotFound(f"run {kind!r} is not known; one of {', '.join(COMMANDS)} is needed")
    return COMMANDS[kind]
