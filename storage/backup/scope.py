"""What of a database goes into a backup: everything, or one account with what it points at."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Select, Table, false, select

from storage.ledger.tables import account as accounts
from strategies.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The account that is backed up.

    Attributes:
        account_id: in the database; None: all accounts are.
    """

    account_id: int | None = None

    @classmethod
    def of(cls, connection: Connection, account: tuple[str, str] | None) -> Scope:
        """Return the scope of (exchange, account); None: everything.

        Raises:
            BadInput: the account was never opened here.
        """
        if account is None:
            return cls()
        exchange, name = account
        known = connection.execute(select(accounts.c.id, accounts.c.exchange, accounts.c.name)).all()
        found = next((row.id for row in known if (row.exchange, row.name) == account), None)
        if found is None:
            there = ", ".join(f"{row.name} on {row.exchange}" for row in known) or "none"
            raise BadInput(f"account {name!r} on {exchange} is not in the database; there: {there}")
        return cls(account_id=found)

    def rows_of(self, table: Table) -> Select[tuple[object, ...]]:
        """Return the query of a table's rows.

        Documents are named by their content and shared, so that all of them go along. Leases are nobody's past.
        """
        query = select(table)
        if self.account_id is None or table.name == "document":
            return query
        if table.name == "account":
            return query.where(table.c.id == self.account_id)
        if table.name == "delivery":
            outbox = table.metadata.tables["outbox"]
            own = select(outbox.c.id).where(outbox.c.account_id == self.account_id)
            return query.where(table.c.outbox_id.in_(own))
        if "account_id" in table.columns:
            return query.where(table.c.account_id == self.account_id)
        return query.where(false())
