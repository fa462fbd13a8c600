"""View: a checked, frozen value that says its units, and writes itself as JSON.

Money in quote, fractions as fractions, times UTC ms. A name means the same here as in ledger, stream and configuration.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Votes = dict[str, float | None]


class View(BaseModel):
    """A fact that people see. Faces format it; none computes it again."""

    model_config = ConfigDict(frozen=True)
