"""Commands about the chat itself: language, colours, the keyboard, letting another chat in, leaving."""

from __future__ import annotations

from typing import Final

from bot.telegram.context import Button, Change, Question, Reply
from bot.telegram.tables import bold, plain
from storage.language import LANGUAGES, N_, Language, _, speaking
from strategies.errors import BadInput

KEYS: Final = (
    ("/status", "/positions", "/signals"),
    ("/profit", "/trades", "/chart"),
    ("/why", "/models", "/help"),
)
LABELS: Final[dict[Language, str]] = {"en": "English", "tr": "Türkçe"}
TERMS: Final = {
    "conviction": N_(
        "How strongly the models lean, in their own usual deviations: 0 is undecided; positions follow it by default, "
        "a full one at +1.25 or −1.25."
    ),
    "confidence": N_(
        "Where this conviction stands among those of the last 400 days: 93% means that only 7% were stronger. "
        "It is a rank, not a chance of winning."
    ),
    "probability": N_(
        "The calibrated chance that the price moves with the trade over the horizon. Honest values lie a little above "
        "50%: 54% is a strong one."
    ),
    "win rate": N_(
        "The share of such trades that closed with a net profit, out of sample. It does not say how much was won: "
        "40% with large winners beats 60% with larger losers."
    ),
    "expected": N_(
        "The expected return of the trade over its horizon, already shrunk. A signal needs more than its round-trip "
        "costs."
    ),
    "bp": N_("A basis point, a hundredth of a per cent: 10 bp are 0.10%."),
    "IC": N_("The correlation between scores and what came, out of sample. 0.03 is worth trading, 0.1 is suspicious."),
    "e-value": N_(
        "Evidence against the champion: were it right, a value of 20 would be reached at most once in twenty trials, "
        "however often one looks."
    ),
}
NAMES: Final = {
    "conviction": N_("conviction"),
    "confidence": N_("confidence"),
    "probability": N_("probability"),
    "win rate": N_("win rate"),
    "expected": N_("expected"),
    "bp": N_("bp"),
    "IC": N_("IC"),
    "e-value": N_("e-value"),
}


async def explain(question: Question) -> Reply:
    """What the words mean: confidence, probability, win rate and others."""
    asked = " ".join(question.words).lower()
    chosen = {name: text for name, text in TERMS.items() if asked in name.lower() or asked in _(NAMES[name]).lower()}
    return Reply(
        text="\n\n".join(f"{bold(_(NAMES[name]))}: {plain(_(text))}" for name, text in (chosen or TERMS).items())
    )


async def language(question: Question) -> Reply:
    """The language of this chat: /language [en | tr]."""
    chats, word = question.context.chats, question.words[0].lower() if question.words else ""
    if not word:
        names = tuple(Button(label=label, data=f"run:language {name}") for name, label in LABELS.items())
        return Reply(text=_("Which language?"), buttons=(names,))
    chosen = next((name for name in LANGUAGES if name == word), None)
    if chats is None or chosen is None:
        known = ", ".join(LANGUAGES)
        raise BadInput(_("{found} is not a language here; one of {known} is needed", found=repr(word), known=known))
    await chats.choose(question.chat_id, language=chosen)
    with speaking(chosen):
        return Reply(text=_("This chat is spoken to in English from now on."))


async def theme(question: Question) -> Reply:
    """The ground of pictures in this chat: /theme [light | dark]."""
    chats, word = question.context.chats, question.words[0].lower() if question.words else ""
    if not word:
        light, dark = Button(label=_("Light"), data="run:theme light"), Button(label=_("Dark"), data="run:theme dark")
        return Reply(text=_("Which ground for pictures?"), buttons=((light, dark),))
    if chats is None or word not in ("light", "dark"):
        raise BadInput(_("{found} is not a theme; light or dark is needed", found=repr(word)))
    await chats.choose(question.chat_id, is_dark=word == "dark")
    return Reply(text=_("Pictures are dark from now on.") if word == "dark" else _("Pictures are light from now on."))


async def invite(question: Question) -> Reply:
    """Make a code that lets another chat in."""
    pairing = question.context.pairing
    if pairing is None:
        raise BadInput(_("chats cannot be paired here; list them in [telegram] chat_ids"))

    async def run() -> str:
        return _("send /pair {code} from the other chat within ten minutes", code=pairing.new_code())

    asked = _("Let another chat read and command this account?")
    return Reply(text="", change=Change(label=_("Make a code"), question=asked, run=run))


async def unpair(question: Question) -> Reply:
    """Leave: this chat is not answered any more."""
    chats = question.context.chats
    if chats is None or chats.of(question.chat_id).paired_ms is None:
        raise BadInput(_("this chat is listed in [telegram] chat_ids; it is taken out there"))

    async def run() -> str:
        await question.context.alerts.close(question.channel)
        await chats.left(question.chat_id)
        return _("this chat is not answered any more")

    return Reply(text="", change=Change(label=_("Leave"), question=_("Answer this chat no more?"), run=run))
