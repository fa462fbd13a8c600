"""A recipe over history, retrained again and again."""
