"""Settings and market specifications as documents named by their content, so that a tape row can point at them."""

from __future__ import annotations

import hashlib

import orjson
from pydantic import ValidationError
from sqlalchemy import Connection, select

from storage.ledger.tables import document
from strategies.errors import StorageFailed
from strategies.kernel.settings import TradingSettings
from strategies.market import Market


def put_settings(connection: Connection, settings: TradingSettings) -> str:
    """Store the settings once and return their id."""
    return _put(connection, "settings", settings.model_dump_json())


def put_markets(connection: Connection, markets: tuple[Market, ...]) -> str:
    """Store the market specifications, in the account's order, once and return their id."""
    return _put(connection, "markets", orjson.dumps([market.document() for market in markets]).decode())


def get_settings(connection: Connection, document_id: str) -> TradingSettings:
    """Return the settings stored under an id.

    Raises:
        StorageFailed: another version wrote settings that this one does not know; a replay without them could differ.
    """
    try:
        return TradingSettings.model_validate_json(_get(connection, document_id))
    except ValidationError as error:
        unknown = ", ".join(".".join(str(part) for part in problem["loc"]) for problem in error.errors())
        raise StorageFailed(
            f"settings {document_id} were written by another version ({unknown}); open another [account] name, "
            "or go back to that version"
        ) from error


def get_markets(connection: Connection, document_id: str) -> tuple[Market, ...]:
    """Return the market specifications stored under an id."""
    return tuple(Market.of_document(item) for item in orjson.loads(_get(connection, document_id)))


def _put(connection: Connection, kind: str, text: str) -> str:
    document_id = hashlib.sha256(text.encode()).hexdigest()[:32]
    known = connection.execute(select(document.c.id).where(document.c.id == document_id)).first()
    if known is None:
        connection.execute(document.insert().values(id=document_id, kind=kind, text=text))
    return document_id


def _get(connection: Connection, document_id: str) -> str:
    text = connection.execute(select(document.c.text).where(document.c.id == document_id)).scalar_one_or_none()
    if text is None:
        raise StorageFailed(f"document {document_id} is missing: the tape points at it, the database does not hold it")
    return str(text)
