"""Everything that cannot be fetched again in one file, and back: database, tape, bundles, market clock, trials.

A backup of SQLite can be restored into PostgreSQL and the other way round. Secrets are never inside.
"""
