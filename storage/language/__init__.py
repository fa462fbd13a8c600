"""Translation: what people read, in their language; English is in the source, the others are in `locale/*.po`.

    from storage.language import _, many, speaking

    with speaking("tr"):
        _("equity {equity}", equity="10,000")
        many("{count} trade", "{count} trades", 2)

The language belongs to the running task (a context variable), so two chats are answered in two languages at once.
"""

from storage.language.speech import LANGUAGES, N_, Language, _, language, many, speaking
from storage.language.templates import translated

__all__ = ["LANGUAGES", "N_", "Language", "_", "language", "many", "speaking", "translated"]
