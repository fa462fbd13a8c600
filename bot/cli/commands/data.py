"""`sigma data`: candles in, what is odd about them, and how they are taken out again."""

from __future__ import annotations

import typer

from bot.cli.commands.data_batches import adjust, delete, list_, replace
from bot.cli.commands.data_check import check
from bot.cli.commands.data_download import download
from bot.cli.commands.data_import import import_
from bot.cli.commands.data_notes import notes

app = typer.Typer(add_completion=False, help="Download, import and check candles.")
app.command()(download)
app.command()(check)
app.command("import")(import_)
app.command("list")(list_)
app.command()(delete)
app.command()(replace)
app.command()(adjust)
app.command()(notes)
