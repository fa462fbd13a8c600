"""Everything that can break, broken on purpose, and what was lost by it: one table."""
