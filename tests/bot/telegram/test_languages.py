"""Every command in both languages: what is said, how wide it is, and that a chat keeps what it chose."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import pytest_asyncio

from bot.telegram.menu import GROUPS, MENU
from bot.telegram.tables import COLUMNS
from storage.language import LANGUAGES, Language, _, speaking
from tests.bot.telegram.stage import Scene, scene
from tests.bot.trading.world import minutes

pytestmark = pytest.mark.asyncio(loop_scope="module")
QUESTIONS = [
    *(
        f"/{entry.name}"
        for entry in MENU
        if entry.name not in ("language", "theme", "invite", "unpair", "reload_config")
    ),
    "/why BTCUSDT",
    "/chart equity",
    "/trades 40",
    "/config web",
    "/explain confidence",
]
ENGLISH_WORDS = re.compile(
    r"\b(the|equity|trades?|closed|market|nothing|position|with|from|stop-loss|entries|fees|win rate)\b", re.IGNORECASE
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory):
    async with scene(tmp_path_factory.mktemp("languages"), remembers=True) as made:
        await made.world.hand(*minutes(1440 + 300))
        yield made


async def ask(stage: Scene, text: str) -> str:
    stage.seconds.now += 10.0
    said = await stage.ask(text)
    return re.sub(r"&lt;|&gt;|&amp;", "x", said.text)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_answer_fits_a_phone_and_turkish_ones_are_turkish(stage: Scene, language: Language) -> None:
    await ask(stage, f"/language {language}")
    for question in QUESTIONS:
        text = await ask(stage, question)
        for block in re.findall(r"<pre>(.*?)</pre>", text, re.DOTALL):
            assert max(len(line) for line in block.splitlines()) <= COLUMNS, (question, block)
        if language == "tr" and question.split()[0] not in ("/config", "/logs", "/version"):
            assert not ENGLISH_WORDS.search(re.sub(r"/\w+|\[[^\]]*\]|demo market: small world", "", text)), (
                question,
                text,
            )
    await ask(stage, "/language en")


async def test_a_chat_keeps_its_language_and_its_colours(stage: Scene) -> None:
    assert "Türkçe" in await ask(stage, "/language tr")
    assert "koyu" in await ask(stage, "/theme dark")
    chats = stage.context.chats
    assert chats is not None
    await chats.load()
    assert (chats.language(7), chats.of(7).is_dark) == ("tr", True)
    assert "Resimler" in await ask(stage, "/theme light")
    assert "English" in await ask(stage, "/language en")
    assert "is not a language here; one of en, tr" in await ask(stage, "/language xx")
    assert "light or dark is needed" in await ask(stage, "/theme pink")


async def test_the_menu_is_registered_in_both_languages(stage: Scene) -> None:
    await stage.server.wait_for(lambda: "tr" in stage.server.menus)
    english = {entry["command"]: entry["description"] for entry in stage.server.menus[""]}
    turkish = {entry["command"]: entry["description"] for entry in stage.server.menus["tr"]}
    assert list(english) == list(turkish) == [entry.name for entry in MENU]
    assert not {name for name in english if english[name] == turkish[name]}


async def test_help_is_grouped(stage: Scene) -> None:
    text = await ask(stage, "/help")
    assert [text.index(f"<b>{title}</b>") for title, _group in GROUPS] == sorted(
        text.index(f"<b>{title}</b>") for title, _group in GROUPS
    )


async def test_start_brings_a_keyboard_of_commands(stage: Scene) -> None:
    said = await stage.ask("/start")
    assert {key[1:] for row in said.keys for key in row} <= {entry.name for entry in MENU}


async def test_an_answer_stays_in_the_topic_of_its_question(stage: Scene) -> None:
    stage.seconds.now += 10.0
    count = len(stage.server.said)
    await stage.server.write("/version", topic=5)
    assert (await stage.reply_after(count)).topic == 5


async def test_the_log_is_shown_in_lines(stage: Scene, tmp_path: Path) -> None:
    assert stage.context.log_file is not None
    stage.context.log_file.write_text(
        '{"time_ms": 1735787045000, "level": "warning", "event": "socket lost", "code": 1}\nnot JSON\n'
    )
    text = await ask(stage, "/logs 2")
    assert "01-02 03:04 warning socket lost code=1" in text
    assert "not JSON" in text


async def test_an_invited_chat_is_served_and_may_leave(stage: Scene) -> None:
    stage.seconds.now += 10.0
    question = await stage.ask("/invite")
    await stage.server.press(question, "Make a code")
    await stage.server.wait_for(lambda: "/pair" in question.plain)
    code = re.search(r"/pair (\d+)", question.plain)
    assert code is not None
    await stage.server.write("/pair 1", chat_id=55)
    await stage.server.write("/status", chat_id=55)
    count = len(stage.server.said)
    await stage.server.write(f"/pair {code[1]}", chat_id=55)
    await stage.server.wait_for(lambda: any(said.chat_id == 55 for said in stage.server.said[count:]))
    assert "paper trading only" in stage.server.said[-1].plain
    stage.seconds.now += 10.0
    leaving = await stage.server.ask("/unpair", chat_id=55)
    await stage.server.press(leaving, "Leave")
    await stage.server.wait_for(lambda: "not answered any more" in leaving.plain)
    assert stage.access.admit(55) == "foreign"


async def test_a_paired_group_that_moves_is_answered_where_it_is_now(stage: Scene) -> None:
    pairing = stage.context.pairing
    assert pairing is not None
    count = len(stage.server.said)
    await stage.server.write(f"/start {pairing.new_code()}", chat_id=-77)
    await stage.server.wait_for(lambda: any(said.chat_id == -77 for said in stage.server.said[count:]))
    await stage.server.migrate(-77, -10077)
    assert "Commands" in (await stage.server.ask("/help", chat_id=-10077)).plain
    assert stage.context.chats is not None
    assert stage.context.chats.of(-10077).chat_id == -77


async def test_the_summaries_are_short_enough_for_the_menu() -> None:
    for language in LANGUAGES:
        with speaking(language):
            assert all(3 <= len(_(entry.summary)) <= 60 for entry in MENU)
