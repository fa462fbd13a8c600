"""Trades that another program made, read into a run record beside our own: for comparison, never for trading."""
