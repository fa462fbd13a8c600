"""Everything that cannot be fetched again in one file, and back: database, tape, bundles, market clock, trials.

A backup of SQLite can be restored into PostgreSQL and the other way round. Secrets are never inside.
"""

from storage.backup.manifest import Manifest
from storage.backup.restore import Restored, restore
from storage.backup.switch import finish_restore, is_unfinished
from storage.backup.write import write_backup

__all__ = ["Manifest", "Restored", "finish_restore", "is_unfinished", "restore", "write_backup"]
