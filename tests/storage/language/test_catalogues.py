"""Both languages are complete: every message of the sources is translated, with its names, and nothing else is kept."""

from __future__ import annotations

import asyncio
import re

import numpy as np
import pytest
from babel.messages.pofile import read_po

from storage.language import LANGUAGES, _, many, speaking, translated
from storage.language.extract import messages_of
from storage.language.speech import FOLDER, messages
from strategies.explain.reasons import describe_feature
from strategies.features import GROUPS, feature_set
from strategies.kernel.state import FACT, FactKind
from strategies.market import Timeframe
from strategies.patterns.hits import HIT, Pattern, title
from training.monitors.parity import Parity
from training.monitors.parity_compare import Round, compare_rounds
from training.monitors.parity_day import Cause

NAMES = re.compile(r"\{(\w+)\}")
OTHERS = [name for name in LANGUAGES if name != "en"]


def catalogue(language: str):
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_of_the_sources_is_translated_and_no_other_is_kept(language: str) -> None:
    wanted = {message if isinstance(message, str) else message[0] for message in messages_of()}
    found = {part.id if isinstance(part.id, str) else part.id[0]: part for part in catalogue(language) if part.id}
    missing = sorted(wanted - set(found)) + sorted(name for name, part in found.items() if not _has_all(part.string))
    assert not missing, f"python -m storage.language.extract, then translate: {missing}"
    assert not set(found) - wanted, "python -m storage.language.extract takes out what nothing says any more"
    assert not [name for name, part in found.items() if part.fuzzy]


@pytest.mark.parametrize("language", OTHERS)
def test_translations_name_what_their_messages_name(language: str) -> None:
    for part in catalogue(language):
        if not part.id:
            continue
        names = set(NAMES.findall(part.id if isinstance(part.id, str) else part.id[1]))
        for text in [part.string] if isinstance(part.string, str) else part.string:
            assert set(NAMES.findall(text)) == names, part.id


def test_english_is_the_source() -> None:
    assert _("equity") == "equity"
    assert many("{count} trade", "{count} trades", 1) == "1 trade"
    assert many("{count} trade", "{count} trades", 2) == "2 trades"
    assert messages("en") == {}


def test_two_tasks_speak_two_languages_at_once() -> None:
    async def speak(language: str) -> str:
        with speaking(language):  # type: ignore[arg-type]
            await asyncio.sleep(0)
            return await asyncio.to_thread(_, "equity")

    async def both() -> list[str]:
        return await asyncio.gather(speak("en"), speak("tr"))

    assert asyncio.run(both()) == ["equity", "özvarlık"]
    assert _("equity") == "equity"


@pytest.mark.parametrize(
    ("said", "turkish"),
    [
        ("RSI oversold (28)", "RSI aşırı satım (28)"),
        (
            "because: conviction +1.40, XGBoost +1.4, 24 h momentum +1.8σ; context: RSI overbought (72)",
            "çünkü: kanaat +1.40, XGBoost +1.4, 24 saatlik momentum +1.8σ; bağlam: RSI aşırı alım (72)",
        ),
        ("the conviction is under the threshold: 0.31 of 1.25", "kanaat eşiğin altında: 0.31 / 1.25"),
        (
            "No edge found after deflation (deflated Sharpe probability 0.12 at 3.0 effective of 9 trials, "
            "0.05 at all 9; luck alone would show 0.80). Not stable: 2 of 4 folds earned, +1.2% a fold on average "
            "(spread 3.0%, "
            "worst -2.0%), first half +3.0%, second -1.0%, IC +0.021 (spread 0.010).",
            "Düşüldükten sonra avantaj bulunamadı (düşülmüş Sharpe olasılığı 0.12, 9 denemenin etkin 3.0 tanesinde, "
            "bütün 9 denemede 0.05; şans tek başına 0.80 gösterirdi). İstikrarlı değil: 4 dilimden 2 tanesi kazandı, "
            "dilim başına ortalama +1.2% (yayılım 3.0%, en kötüsü -2.0%), ilk yarı +3.0%, ikincisi -1.0%, "
            "IC +0.021 (yayılım 0.010).",
        ),
        ("something nobody translated, 3 times", "something nobody translated, 3 times"),
        ("", ""),
    ],
)
def test_recorded_sentences_are_translated_with_their_numbers(said: str, turkish: str) -> None:
    assert translated(said) == said
    with speaking("tr"):
        assert translated(said) == turkish


def _has_all(given: object) -> bool:
    return all(given) if isinstance(given, tuple | list) else bool(given)


@pytest.mark.parametrize("pattern", Pattern)
@pytest.mark.parametrize("when", ["1 bar ago at 61250", "12 bars ago at 0.4392", "just confirmed at 8.8021"])
@pytest.mark.parametrize("side", [1, -1])
def test_every_chart_pattern_is_told_in_turkish(pattern: Pattern, when: str, side: int) -> None:
    hit = np.zeros((), dtype=HIT)
    hit["pattern"], hit["side"] = pattern, side
    said = f"{title(hit)} {when}"
    with speaking("tr"):
        assert translated(said, wholly=True) != said
        assert translated(f"RSI 62, {said}", wholly=True).startswith("RSI 62, ")


def test_a_sentence_that_is_not_known_wholly_is_left_as_it_is() -> None:
    with speaking("tr"):
        assert translated("trend, 'universe' is not a name", wholly=True) == "trend, 'universe' is not a name"


@pytest.mark.parametrize("group", GROUPS)
def test_every_feature_is_told_in_turkish(group: str) -> None:
    with speaking("tr"):
        for name in feature_set(groups=(group,)).names:
            said = describe_feature(name, 1.2, Timeframe.H1)
            assert translated(said, wholly=True) != said, said


@pytest.mark.parametrize(
    ("live", "replayed"),
    [({"kind": FactKind.FILL}, {"kind": FactKind.FUNDING}), ({"price": 10}, {"price": 11}), ({"fee": 1}, {"fee": 2})],
)
def test_a_difference_between_live_and_backtest_is_told_in_turkish(
    live: dict[str, int], replayed: dict[str, int]
) -> None:
    def of(values: dict[str, int]) -> dict[tuple[int, int], Round]:
        facts = np.zeros(1, FACT)
        facts["kind"], facts["ms"] = FactKind.FILL, 1_738_112_460_000
        for name, value in values.items():
            facts[name] = value
        return {(0, 4): Round(name="LINKUSDT-4", market=0, facts=facts)}

    cause = Cause(ms=0, market=0, what="gap in the feed, not ready")
    found = Parity(
        day_ms=1_738_108_800_000,
        minutes=1440,
        fills=1,
        trades=8,
        differences=tuple(compare_rounds(of(live), of(replayed), [cause])),
        causes=(cause,),
        cash_difference=0,
    )
    with speaking("tr"):
        assert translated(found.sentence.partition(": ")[2], wholly=True).startswith("8 işlemden 1 tanesi farklı; ilki")
