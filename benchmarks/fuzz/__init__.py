"""Fuzzing of every surface that outsiders' bytes reach: what is broken in them must be a sentence, never an end."""
