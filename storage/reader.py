"""The configured account, opened for reading: what batch commands start from."""

from __future__ import annotations

from sqlalchemy import Engine

from storage.config.tree import Config
from storage.ledger import accounts
from storage.ledger.accounts import Account
from storage.open import whole_database_of
from strategies.errors import BadInput


def read_account(config: Config) -> tuple[Engine, Account]:
    """Return the database and the account that the configuration names.

    Raises:
        BadInput: the account was never opened.
        StorageFailed: there is no ledger yet, or it cannot be read.
    """
    database = whole_database_of(config)
    found = accounts.find(database, config.exchange.name, config.account.name)
    if found is None:
        raise BadInput(
            f"account {config.account.name!r} on {config.exchange.name} was never opened; `sigma run` opens it"
        )
    return database, found
